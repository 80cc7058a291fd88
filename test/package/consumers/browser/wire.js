import { decodeHandshake, decodeMessage, encodeHandshake, encodeMessage, reservedBits } from 'rarest/wire'
import { bytes, equal, hex } from './assert.js'

const handshake = {
  infoHash: bytes('h'.repeat(20)),
  peerId: bytes('p'.repeat(20)),
  reserved: reservedBits({ extended: true, fast: true, dht: true }),
}
const raw = encodeHandshake(handshake)
equal(
  hex(raw),
  `13426974546f7272656e742070726f746f636f6c0000000000100005${'68'.repeat(20)}${'70'.repeat(20)}`,
)
equal(hex(decodeHandshake(raw).peerId), '70'.repeat(20))

for (const [message, expected] of [
  [{ type: 'keep-alive' }, '00000000'],
  [{ type: 'choke' }, '0000000100'],
  [{ type: 'have', piece: 258 }, '000000050400000102'],
  [{ type: 'request', piece: 1, begin: 16384, length: 16384 }, '0000000d06000000010000400000004000'],
  [{ type: 'piece', piece: 1, begin: 0, data: bytes('ab') }, '0000000b0700000001000000006162'],
]) {
  equal(hex(encodeMessage(message)), expected)
  equal(decodeMessage(encodeMessage(message)).value.type, message.type)
}
export const done = 'ok'
