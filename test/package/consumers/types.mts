import { RarestError } from 'rarest'
import { type BencodeValue, decode, encode } from 'rarest/bencode'

export const value: BencodeValue = decode(encode({ a: [1, 2n, 'text', new Uint8Array(1)] }))
export const code: string = new RarestError('a/b', 'c').code
// @ts-expect-error null has no form in bencode
encode(null)
// @ts-expect-error a decoded value is no object with properties
value.a
