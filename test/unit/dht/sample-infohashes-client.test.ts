import { describe, expect, it } from 'vitest'
import { decodeKrpc } from '../../../src/dht/krpc/krpc.js'
import { SampleClient } from '../../../src/dht/sample-infohashes-client.js'
import { DhtNetwork } from '../../support/dht-network.js'
import { seededRandom } from '../../support/random.js'

describe('nodes that have shown infohashes', () => {
  it('rest as long as they said, each for itself', () => {
    const sampled = new SampleClient()
    const [a, b] = [Uint8Array.of(1, 2, 3, 4, 5, 6), Uint8Array.of(1, 2, 3, 4, 5, 7)]
    sampled.onSamples(a, 60, 0)
    sampled.onSamples(b, 0, 0)
    expect([sampled.mustWait(a, 59_999), sampled.mustWait(b, 0)]).toEqual([true, false])
    expect(sampled.mustWait(a, 60_000)).toBe(false)
    sampled.onSamples(a, 60, 100_000)
    sampled.onSamples(a, 10, 100_000)
    expect(sampled.mustWait(a, 115_000)).toBe(false)
  })

  it('are forgotten, first met first, where there are too many', () => {
    const sampled = new SampleClient()
    const endpoint = (i: number) => Uint8Array.of(9, i >> 16, (i >> 8) & 255, i & 255, 1, 1)
    for (let i = 0; i <= 20_000; i++) sampled.onSamples(endpoint(i), 21_600, 0)
    expect([0, 1, 20_000].map((i) => sampled.mustWait(endpoint(i), 1))).toEqual([false, true, true])
  })

  it('are asked for nodes alone until they show others (BEP 51)', () => {
    const network = new DhtNetwork({ seed: 1 })
    const router = network.add({ rateLimits: false })
    const hosts = Array.from({ length: 10 }, () => network.add({ rateLimits: false }))
    for (const host of hosts) {
      host.node.addRouter(router.address, network.now)
      host.drain()
    }
    network.run(60_000)
    const crawler = network.add({ rateLimits: false })
    crawler.node.addRouter(router.address, network.now)
    crawler.drain()
    network.run(network.now + 60_000)
    const asked: string[] = []
    for (const host of [router, ...hosts]) {
      const { receive } = host
      host.receive = (bytes, from, now) => {
        const decoded = decodeKrpc(bytes)
        if (from === crawler.address && decoded.ok && decoded.value.type === 'query')
          asked.push(decoded.value.method)
        receive.call(host, bytes, from, now)
      }
    }
    const target = seededRandom(5).bytes(20)
    const showed: string[] = []
    const walk = (): number => {
      asked.length = 0
      const events = network.lookup(crawler, (node, now) => node.sample(target, now))
      const from = events.flatMap((event) => (event.type === 'samples' ? event.from.address.host : []))
      showed.push(...from)
      const done = events.at(-1)
      expect(done?.type === 'done' && done.closest.length).toBe(8)
      return from.length
    }
    expect(walk()).toBeGreaterThanOrEqual(8)
    expect(new Set(asked)).toEqual(new Set(['sample_infohashes']))
    for (let i = 0; i < 5; i++) walk()
    expect(new Set(asked)).toEqual(new Set(['find_node']))
    // However often one walks by, each shows its sample once.
    expect(showed.length).toBe(new Set(showed).size)
    // Nodes say 600 s.
    network.run(network.now + 601_000)
    expect(walk()).toBeGreaterThanOrEqual(8)
  })
})
