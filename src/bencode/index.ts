/**
 * Bencode (BEP 3): strict decoding with limits and raw spans, canonical encoding. Runs in Node and
 * in browsers.
 * @module
 */

export { asBigInt, asBytes, asDict, asInteger, asList, asText } from './access.js'
export { decode, decodePrefix, type Prefix, type Span, span, tryDecode, tryDecodePrefix } from './decode.js'
export { encode } from './encode.js'
export type { BencodeDict, BencodeValue, DecodeOptions, Encodable } from './value.js'
