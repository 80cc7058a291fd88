/**
 * BitTorrent in pure TypeScript: the public names.
 * @module
 */

export { ProtocolError, RarestError, type Result } from './util/errors.js'
