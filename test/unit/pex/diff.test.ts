import { describe, expect, it } from 'vitest'
import { PEX_ENTRIES, PEX_INTERVAL, type PexPeer, PexSender } from '../../../src/pex/index.js'
import { addressKey } from '../../../src/util/address.js'

function peers(from: number, to: number, prefix = '9.9.9.'): Map<string, PexPeer> {
  const map = new Map<string, PexPeer>()
  for (let i = from; i < to; i++) {
    const address = { host: `${prefix}${i}`, port: 6881 }
    map.set(addressKey(address), { address, flags: 0 })
  }
  return map
}
const nobody = new Map<string, PexPeer>()
const hosts = (list: readonly { readonly host: string }[] | undefined) => list?.map(({ host }) => host)
const added = (list: readonly PexPeer[] | undefined) => hosts(list?.map(({ address }) => address))

describe('what a peer is told', () => {
  it('is everybody first, then what changed, at most once a minute', () => {
    const sender = new PexSender()
    expect(sender.nextAt).toBe(0)
    expect(sender.message(nobody, nobody, 0)).toBeUndefined()
    expect(sender.nextAt).toBe(0)
    expect(added(sender.message(peers(1, 4), nobody, 10)?.added)).toEqual(['9.9.9.1', '9.9.9.2', '9.9.9.3'])
    expect(sender.nextAt).toBe(10 + PEX_INTERVAL)
    expect(sender.message(peers(2, 6), nobody, 9 + PEX_INTERVAL)).toBeUndefined()
    const second = sender.message(peers(2, 6), nobody, 10 + PEX_INTERVAL)
    expect(added(second?.added)).toEqual(['9.9.9.4', '9.9.9.5'])
    expect(hosts(second?.dropped)).toEqual(['9.9.9.1'])
    expect(sender.message(peers(2, 6), nobody, 20 + 2 * PEX_INTERVAL)).toBeUndefined()
    expect(sender.nextAt).toBe(10 + 2 * PEX_INTERVAL)
  })

  it('leaves out who came and went in between', () => {
    const sender = new PexSender()
    sender.message(peers(1, 3), nobody, 0)
    expect(sender.message(peers(1, 3), nobody, PEX_INTERVAL)).toBeUndefined()
  })

  it('keeps to fifty added and fifty dropped, both families together', () => {
    const sender = new PexSender()
    const both = (from: number, to: number) => new Map([...peers(from, to), ...peers(from, to, '2001:db8::')])
    expect(sender.message(both(1, 200), nobody, 0)?.added.length).toBe(100)
    for (let round = 1; round < 4; round++) {
      const message = sender.message(both(1, 200), nobody, round * PEX_INTERVAL)
      expect(message?.added.length).toBe(PEX_ENTRIES)
      expect(message?.dropped.length).toBe(0)
    }
    const last = sender.message(nobody, nobody, 10 * PEX_INTERVAL)
    expect(last?.dropped.length).toBe(PEX_ENTRIES)
    expect(new Set(last?.dropped.map(addressKey)).size).toBe(PEX_ENTRIES)
  })

  it('names recent peers where there are few, once, and takes them back', () => {
    const sender = new PexSender()
    const recent = peers(100, 130)
    const first = sender.message(peers(1, 3), recent, 0)
    expect(first?.added.length).toBe(2 + 25)
    const second = sender.message(peers(1, 3), recent, PEX_INTERVAL)
    expect(added(second?.added)).toEqual(['9.9.9.125', '9.9.9.126', '9.9.9.127', '9.9.9.128', '9.9.9.129'])
    expect(hosts(second?.dropped)).toEqual(added(first?.added)?.slice(2))
    const third = sender.message(peers(1, 3), recent, 2 * PEX_INTERVAL)
    expect(third?.added.length).toBe(0)
    expect(third?.dropped.length).toBe(5)
    expect(sender.message(peers(1, 3), recent, 3 * PEX_INTERVAL)).toBeUndefined()
  })

  it('names no recent peers where there are many others of the family', () => {
    const sender = new PexSender()
    const message = sender.message(
      peers(1, 26),
      new Map([...peers(100, 105), ...peers(1, 3, '2001:db8::')]),
      0,
    )
    expect(message?.added.length).toBe(25 + 2)
  })
})
