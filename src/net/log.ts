/**
 * What the shells log: nothing unless asked by `DEBUG=rarest:*`, and then to stderr, so that JSON on
 * stdout stays clean. Arguments are passed, never joined: a call that is off costs nothing. No tracker
 * URLs: they carry passkeys.
 * @module
 */

import createDebug from 'debug'

/** Logs one line; `%s` and `%d` stand for the arguments. */
export type Log = (format: string, ...values: readonly unknown[]) => void

/** The logger `rarest:<layer>`. */
export function logger(layer: string): Log {
  return createDebug(`rarest:${layer}`)
}
