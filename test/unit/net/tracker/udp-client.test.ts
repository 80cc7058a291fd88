import { describe, expect, it } from 'vitest'
import { TrackerSockets } from '../../../../src/net/tracker/udp-client.js'
import { VirtualNetwork } from '../../../../src/testing/index.js'
import { decodeUdpRequest, encodeUdpResponse, type UdpRequest } from '../../../../src/tracker/udp-codec.js'
import type { Address } from '../../../../src/util/address.js'
import { announceRequest as request } from '../../../support/tracker.js'

/** Sockets on a virtual clock, and what they sent as `[second, action]`. */
function setUp() {
  const network = new VirtualNetwork({ seed: 1 })
  const { world } = network.host()
  const start = world.now()
  const sent: [number, string][] = []
  const requests: { asked: UdpRequest; to: Address }[] = []
  let hears = true
  const sender = {
    send(bytes: Uint8Array, to: Address) {
      const decoded = decodeUdpRequest(bytes)
      if (!decoded.ok) throw decoded.error
      sent.push([Math.round((world.now() - start) / 1000), decoded.value.action])
      requests.push({ asked: decoded.value, to })
    },
  }
  const sockets = new TrackerSockets(world, { 4: sender }, {})
  /** Answers all that was sent. */
  const answer = () => {
    for (const { asked, to } of requests.splice(0)) {
      if (!hears) continue
      const { transactionId } = asked
      const reply =
        asked.action === 'connect'
          ? ({ action: 'connect', transactionId, connectionId: 1n } as const)
          : ({ action: 'announce', transactionId, interval: 5, leechers: 0, seeders: 0, peers: [] } as const)
      expect(sockets.receive(encodeUdpResponse(reply), to)).toBe(true)
    }
  }
  const turns = async () => {
    for (let i = 0; i < 4; i++) {
      await Promise.resolve()
      answer()
    }
  }
  return { network, sockets, sent, turns, deafen: () => (hears = false) }
}
const tracker = (i: number): Address => ({ host: `192.0.${i >> 8}.${i & 255}`, port: 80 })

describe('sockets of UDP trackers', () => {
  it('repeat what is lost, under one timer, and stop when it is called off', async () => {
    const { network, sockets, sent, turns, deafen } = setUp()
    deafen()
    const controller = new AbortController()
    const call = sockets.announce(tracker(1), request(), '', controller.signal)
    const end = expect(call).rejects.toThrow('enough')
    await turns()
    await network.advance(50_000)
    expect(sent).toEqual([
      [0, 'connect'],
      [15, 'connect'],
      [45, 'connect'],
    ])
    controller.abort(new Error('enough'))
    await end
    await network.advance(500_000)
    expect(sent).toHaveLength(3)
  })

  it('forget trackers that have been silent, not those in use', async () => {
    const { network, sockets, sent, turns } = setUp()
    const { signal } = new AbortController()
    const ask = async (i: number) => {
      const call = sockets.announce(tracker(i), request(), '', signal)
      await turns()
      expect((await call).interval).toBe(5)
    }
    for (let i = 0; i < 256; i++) await ask(i)
    await network.advance(61_000)
    await ask(0)
    // A new tracker where 256 are known: all but the one that is connected are dropped.
    await ask(300)
    expect(sockets.receive(new Uint8Array(16), tracker(5))).toBe(false)
    sent.length = 0
    await ask(0)
    await ask(5)
    expect(sent.map(([, action]) => action)).toEqual(['announce', 'connect', 'announce'])
    await sockets.close()
    await expect(sockets.announce(tracker(0), request(), '', signal)).rejects.toMatchObject({
      code: 'tracker/closed',
    })
  })
})
