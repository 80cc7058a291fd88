import { describe, expect, it } from 'vitest'
import { Layout } from '../../../src/metainfo/layout.js'
import { Bitfield } from '../../../src/util/bitfield.js'
import { Peer, type PeerEvent } from '../../../src/wire/peer.js'

describe('two peers', () => {
  it('exchange a block', () => {
    const layout = new Layout([{ length: 100_000, pad: false }], 32_768)
    const make = () =>
      new Peer({
        layout,
        fast: true,
        extended: true,
        dht: false,
        place: (_p, _b, n) => new Uint8Array(n),
        maxRequests: 500,
        now: 0,
      })
    const a = make()
    const b = make()
    const pump = () => {
      const events: [string, PeerEvent][] = []
      for (let busy = true; busy; ) {
        busy = false
        for (const [name, from, to] of [
          ['b', a, b],
          ['a', b, a],
        ] as const) {
          for (const chunk of from.transmit(0) ?? []) {
            busy = true
            to.receive(chunk, 0)
          }
          for (let e = to.poll(); e; e = to.poll()) events.push([name, e])
        }
      }
      return events
    }
    a.start(undefined, undefined, 0)
    b.start(Bitfield.full(layout.pieceCount), undefined, 0)
    expect(pump()).toEqual([
      ['b', { type: 'pieces' }],
      ['a', { type: 'pieces' }],
    ])
    expect(a.isSeed).toBe(true)
    a.setInterested(true, 0)
    b.setChoking(false, 0)
    pump()
    a.request(1, 16384, 16384, 5)
    expect(pump()).toEqual([['b', { type: 'requests' }]])
    const range = b.nextRequest()
    b.answer([new Uint8Array(16000).fill(1), new Uint8Array(384).fill(2)])
    expect(range).toEqual({ piece: 1, begin: 16384, length: 16384 })
    const [[, block]] = pump() as [[string, PeerEvent]]
    expect(block).toMatchObject({ type: 'block', piece: 1, begin: 16384, length: 16384 })
    expect(a.outstanding).toBe(0)
  })
})
