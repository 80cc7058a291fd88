import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodePex,
  encodePex,
  PEX_ENTRIES,
  PEX_INTERVAL,
  type PexPeer,
  PexReceiver,
  PexSender,
} from '../../src/pex/index.js'
import { addressKey, ipFromBytes } from '../../src/util/address.js'
import { runs } from '../support/depth.js'

const host = fc.oneof(
  fc
    .tuple(fc.integer({ min: 11, max: 99 }), fc.nat(255), fc.nat(255), fc.nat(255))
    .map((parts) => parts.join('.')),
  fc.uint8Array({ minLength: 15, maxLength: 15 }).map((rest) => ipFromBytes(Uint8Array.of(0x20, ...rest))),
)
const peer: fc.Arbitrary<PexPeer> = fc.record({
  address: fc.record({ host, port: fc.integer({ min: 1, max: 65_535 }) }),
  flags: fc.nat(31),
})
const peers = fc.array(peer, { maxLength: 60 }).map((list) => {
  // A receiver takes one port of a host.
  const byHost = new Map(list.map((each) => [each.address.host, each]))
  return new Map([...byHost.values()].map((each) => [addressKey(each.address), each]))
})

describe('peer exchange', () => {
  it('reads what it wrote', () => {
    fc.assert(
      fc.property(fc.array(peer), fc.array(peer), (added, dropped) => {
        const families = (list: readonly { readonly address: { readonly host: string } }[]) => [
          ...list.filter(({ address }) => !address.host.includes(':')),
          ...list.filter(({ address }) => address.host.includes(':')),
        ]
        const decoded = decodePex(encodePex({ added, dropped: dropped.map(({ address }) => address) }))
        expect(decoded).toEqual({
          ok: true,
          value: { added: families(added), dropped: families(dropped).map(({ address }) => address) },
        })
      }),
    )
  })

  it('is never thrown off by bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(typeof decodePex(bytes).ok).toBe('boolean')
        new PexReceiver('8.8.8.8').receive(bytes, () => false, 0)
      }),
    )
    fc.assert(
      fc.property(fc.array(peer), fc.nat(), fc.nat(255), (added, at, byte) => {
        const bytes = encodePex({ added, dropped: [] })
        bytes[at % bytes.length] = byte
        new PexReceiver('8.8.8.8').receive(bytes, () => false, 0)
      }),
    )
  })

  it('makes the set of a peer that of the sender, whatever comes and goes', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(peers, peers), { minLength: 1, maxLength: 8 }), (steps) => {
        const sender = new PexSender()
        const receiver = new PexReceiver('8.8.8.8')
        let live: ReadonlyMap<string, PexPeer> = new Map()
        let now = 0
        const told = new Set<string>()
        const exchange = (recent: ReadonlyMap<string, PexPeer>) => {
          const message = sender.message(live, recent, now)
          now += PEX_INTERVAL
          if (!message) return false
          expect(message.added.length).toBeLessThanOrEqual(told.size === 0 ? 100 : PEX_ENTRIES)
          expect(message.dropped.length).toBeLessThanOrEqual(PEX_ENTRIES)
          const keys = [...message.added.map(({ address }) => address), ...message.dropped].map(addressKey)
          expect(new Set(keys).size, 'nothing twice, nothing both ways').toBe(keys.length)
          for (const { address } of message.added) told.add(addressKey(address))
          expect(receiver.receive(encodePex(message), () => false, now).type).toBe('peers')
          return true
        }
        for (const [next, recent] of steps) {
          live = next
          exchange(recent)
        }
        for (let round = 0; exchange(new Map()); round++) expect(round).toBeLessThan(20)
        expect(new Set(receiver.peers.keys())).toEqual(new Set(live.keys()))
      }),
      { numRuns: runs(40) },
    )
  })
})
