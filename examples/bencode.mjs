// @ts-check
// Reads and writes bencode, the notation of torrents and trackers. Run: node examples/bencode.mjs

import { asDict, asText, decode, encode, span, tryDecode } from 'rarest/bencode'

// Keys are put in order, text becomes UTF-8, bytes stay bytes, undefined members are left out.
const bytes = encode({
  name: 'film',
  size: 2n ** 70n,
  tags: ['short', 'silent'],
  hash: Uint8Array.of(0xde, 0xad),
  comment: undefined,
})
console.log(Buffer.from(bytes).toString('latin1'))

const value = asDict(decode(bytes))
console.log(asText(value?.get('name')), value?.get('size'))

// The raw bytes of one member: what an infohash is made of.
const raw = span(bytes, ['tags'])
if (raw) console.log(Buffer.from(bytes.subarray(raw.start, raw.end)).toString('latin1'))

// Canonical in, the same bytes out.
console.log(Buffer.from(encode(decode(bytes))).equals(bytes))

// Bytes of strangers: a result instead of an exception.
const broken = tryDecode(Buffer.from('d3:keyi01ee'))
if (!broken.ok) console.log(broken.error.code, 'at byte', broken.error.offset)
