import { decodePacket, encodePacket } from 'rarest/utp/packet'
import { bytes, equal, hex } from './assert.js'

/** BEP 29: a SYN, and a STATE with a selective ack. */
const syn = {
  type: 'syn',
  connectionId: 0x1234,
  timestamp: 1_000_000,
  timestampDifference: 0,
  window: 1_048_576,
  seq: 1,
  ack: 0,
}
equal(hex(encodePacket(syn)), '41001234000f4240000000000010000000010000')

const packet = decodePacket(encodePacket({ ...syn, type: 'data', payload: bytes('payload') }))
equal(packet.ok, true)
equal(packet.value.type, 'data')
equal(hex(packet.value.payload), '7061796c6f6164')
equal(decodePacket(bytes('d1:ad2:id20:')).error.code, 'utp/too-short')
export const done = 'ok'
