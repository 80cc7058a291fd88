import { decode, encode, span, tryDecode } from 'rarest/bencode'
import { bytes, equal, text } from './assert.js'

for (const [canonical, value] of [
  ['4:spam', 'spam'],
  ['i-3e', -3],
  ['i18446744073709551615e', 18446744073709551615n],
  ['d3:cow3:moo4:spam4:eggse', { spam: 'eggs', cow: 'moo' }],
  ['l1:ai42eli13ei14eee', ['a', 42, [13, 14]]],
  ['d2:\xc3\xa4i1ee', { ä: 1 }],
]) {
  equal(text(encode(value)), canonical)
  equal(text(encode(decode(bytes(canonical)))), canonical)
}
for (const [malformed, code, offset] of [
  ['i-0e', 'invalid-integer', 2],
  ['d1:bi1e1:ai2ee', 'unsorted-key', 7],
  ['d1:ai1e1:ai2ee', 'duplicate-key', 7],
  ['l-3:', 'unknown-type', 1],
]) {
  const { error } = tryDecode(bytes(malformed))
  equal(error.code, `bencode/${code}`)
  equal(error.offset, offset)
}
const { start, end } = span(bytes('d1:ai1e4:infode1:zi2ee'), ['info'])
equal(`${start} ${end}`, '13 15')
export const done = 'ok'
