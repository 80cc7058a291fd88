import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes } from '../../src/util/bytes.js'
import {
  decodeMetadataMessage,
  encodeMetadataMessage,
  METADATA_BLOCK,
  MetadataFetch,
  MetadataServe,
} from '../../src/wire/metadata/index.js'
import { runs } from '../support/depth.js'
import { seededRandom } from '../support/random.js'

type Manner = 'honest' | 'silent' | 'rejects' | 'corrupts' | 'another size' | 'twice'

describe('fetching metadata', () => {
  it('ends with the right bytes as long as one peer is honest, whatever the others do', () => {
    const manners = fc.array(
      fc.constantFrom<Manner>('honest', 'silent', 'rejects', 'corrupts', 'another size', 'twice'),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(
        manners,
        fc.integer({ min: 1, max: 5 * METADATA_BLOCK }),
        fc.nat(),
        (others, size, seed) => {
          const random = seededRandom(seed)
          const info = random.bytes(size)
          const fetch = new MetadataFetch<number>({ verify: (bytes) => equalBytes(bytes, info), random })
          const peers: Manner[] = [...others, 'honest']
          const closed = new Set<number>()
          for (const [id, manner] of peers.entries())
            fetch.addPeer(id, manner === 'another size' ? size + 1 + id : size, 0)
          const serve = new Map(
            peers.map((manner, id) => {
              const bytes =
                manner === 'another size'
                  ? new Uint8Array(size + 1 + id)
                  : manner === 'corrupts'
                    ? info.map((byte) => byte ^ 1)
                    : info
              return [id, new MetadataServe(manner === 'rejects' ? undefined : bytes, 0)]
            }),
          )
          let now = 0
          for (let step = 0; fetch.result === undefined; step++) {
            expect(step).toBeLessThan(10_000)
            const sent = fetch.transmit(now)
            if (!sent) {
              const next = fetch.nextTimeout()
              expect(next).toBeGreaterThan(now)
              expect(next).toBeLessThan(Number.POSITIVE_INFINITY)
              now = next
              fetch.timeout(now)
              continue
            }
            const { peer, payload } = sent
            expect(closed.has(peer)).toBe(false)
            if (peers[peer] === 'silent') continue
            serve.get(peer)?.receive(payload, now)
            for (let answer = serve.get(peer)?.transmit(); answer; answer = serve.get(peer)?.transmit()) {
              for (let times = peers[peer] === 'twice' ? 2 : 1; times > 0; times--) {
                const code = fetch.receive(peer, answer, now)
                if (!code) continue
                expect(['corrupts', 'another size']).toContain(peers[peer])
                closed.add(peer)
                fetch.removePeer(peer, now)
                break
              }
            }
          }
          expect(equalBytes(fetch.result, info)).toBe(true)
        },
      ),
      { numRuns: runs(30) },
    )
  })

  it('is never thrown off by bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 100 }), (messages) => {
        const fetch = new MetadataFetch<number>({ verify: () => false, random: seededRandom(1) })
        const serve = new MetadataServe(new Uint8Array(5), 0)
        fetch.addPeer(1, 100, 0)
        fetch.transmit(0)
        for (const message of messages) {
          decodeMetadataMessage(message)
          fetch.receive(1, message, 0)
          serve.receive(message, 0)
          serve.transmit()
        }
      }),
    )
  })

  it('reads what it wrote', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.integer({ min: 1, max: 2 ** 31 }),
        fc.uint8Array(),
        (piece, totalSize, block) => {
          for (const message of [
            { type: 'request', piece } as const,
            { type: 'reject', piece } as const,
            { type: 'data', piece, totalSize, block } as const,
          ]) {
            expect(decodeMetadataMessage(encodeMetadataMessage(message))).toEqual(message)
          }
        },
      ),
    )
  })
})
