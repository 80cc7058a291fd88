import { Bitfield, Layout, Picker } from 'rarest/picker'
import { equal } from './assert.js'

/** Three pieces of two blocks; the rare one is asked for first, however the dice fall. */
const layout = new Layout([{ length: 6 * 16384, pad: false }], 32768)
const random = { uint32: () => 0, bytes: (length) => new Uint8Array(length) }
const have = new Bitfield(3)
const picker = new Picker({ layout, random, have })
const [seed, other] = [picker.addPeer('seed'), picker.addPeer('other')]
picker.unchoked(seed)
picker.setPieces(seed, Bitfield.full(3))
picker.setPieces(other, new Bitfield(3, Uint8Array.of(0b1010_0000)))
const blocks = []
equal(picker.pick(seed, 100, 0, blocks), 6)
equal(new Set(blocks.map(({ piece, begin }) => `${piece} ${begin}`)).size, 6)
picker.checkInvariants()
export const done = 'ok'
