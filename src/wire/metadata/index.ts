/**
 * The metadata extension (BEP 9): its messages, fetching an info dictionary from peers and serving it.
 * @module
 */

export { MAX_METADATA, MetadataFetch } from './fetch.js'
export { decodeMetadataMessage, encodeMetadataMessage, METADATA_BLOCK } from './message.js'
export { MetadataServe } from './serve.js'
