import { describe, expect, it } from 'vitest'
import { Bans } from '../../../../src/torrent/peers/bans.js'
import { type KnownPeer, PeerList } from '../../../../src/torrent/peers/peer-list.js'

const address = (last: number, port = 6881) => ({ host: `10.0.0.${last}`, port })

describe('PeerList', () => {
  it('takes an address once and only when it can be dialled', () => {
    const list = new PeerList()
    const given = [
      address(1),
      address(1),
      { host: '0.0.0.0', port: 1 },
      { host: '224.0.0.1', port: 1 },
      address(2, 0),
    ]
    expect(list.add(given, 'tracker', 0)).toBe(1)
    expect(list.size).toBe(1)
  })

  it('dials peers that the user named first', () => {
    const list = new PeerList()
    list.add([address(1)], 'tracker', 0)
    list.add([address(2)], 'user', 0)
    expect(list.next(0, false)?.address).toEqual(address(2))
  })

  it('backs off longer with each failure and gives up after three', () => {
    const list = new PeerList()
    list.add([address(1)], 'tracker', 0)
    let now = 0
    for (const wait of [10_000, 60_000]) {
      const peer = list.next(now, false)
      expect(peer).toBeDefined()
      if (!peer) return
      list.dialling(peer)
      expect(list.next(now, false)).toBeUndefined()
      list.failed(peer, now)
      expect(list.next(now + wait - 1, false)).toBeUndefined()
      expect(list.nextDialAt(false)).toBe(now + wait)
      now += wait
    }
    const peer = list.next(now, false)
    if (!peer) throw new Error('the third try is missing')
    list.failed(peer, now)
    expect(list.next(now + 1e9, false)).toBeUndefined()
    list.add([address(1)], 'tracker', now + 1e9)
    expect(list.next(now + 1e9, false)).toBe(peer)
  })

  it('tries first what worked, for an hour after the connection ended', () => {
    const list = new PeerList()
    list.add([address(1)], 'tracker', 0)
    const dial = (now: number) => {
      const peer = list.next(now, false)
      if (!peer) throw new Error(`nobody to dial at ${now}`)
      return peer
    }
    const peer = dial(0)
    expect(peer.transport).toBeUndefined()
    list.prefer(peer, 'utp', 0)
    list.connected(peer)
    // A connection of ten hours was proof to its end.
    const end = 36_000_000
    list.disconnected(peer, true, end)
    expect(dial(end + 3_599_000).transport).toBe('utp')
    expect(dial(end + 3_600_000).transport).toBeUndefined()
    list.prefer(peer, 'tcp', end + 3_700_000)
    expect(dial(end + 3_701_000).transport).toBe('tcp')
  })

  it('never gives up a peer that the user named, but asks ever more rarely', () => {
    const list = new PeerList()
    list.add([address(1)], 'user', 0)
    let now = 0
    const waits: number[] = []
    for (let i = 0; i < 7; i++) {
      const peer = list.next(now, false)
      if (!peer) throw new Error(`given up after ${i}`)
      list.failed(peer, now)
      waits.push(list.nextDialAt(false) - now)
      now = list.nextDialAt(false)
    }
    expect(waits).toEqual([10_000, 60_000, 360_000, 2_160_000, 3_600_000, 3_600_000, 3_600_000])
  })

  it('dials no banned address before its ban is over', () => {
    const bans = new Bans()
    const list = new PeerList(bans)
    list.add([{ host: '10.0.0.1', port: 1 }], 'tracker', 0)
    bans.add('10.0.0.1', 1_000, 'user', 0)
    expect(list.next(999, false)).toBeUndefined()
    expect(list.nextDialAt(false)).toBe(1_000)
    expect(list.next(1_000, false)?.key).toBe('10.0.0.1:1')
  })

  it('does not dial seeds while we seed', () => {
    const list = new PeerList()
    list.add([address(1)], 'tracker', 0)
    const peer = list.next(0, false)
    if (!peer) throw new Error('no peer')
    peer.seed = true
    expect(list.next(0, true)).toBeUndefined()
    expect(list.nextDialAt(true)).toBe(Number.POSITIVE_INFINITY)
    expect(list.next(0, false)).toBe(peer)
  })

  it('never dials back the port that an incoming peer came from', () => {
    const list = new PeerList()
    const peer = list.incoming(address(9, 50_000), 0)
    list.connected(peer)
    list.disconnected(peer, true, 10)
    expect(list.next(1e12, false)).toBeUndefined()
  })

  it('holds at most 3,000 addresses and lets failed ones go first', () => {
    const list = new PeerList()
    const many = Array.from({ length: 4000 }, (_, i) => ({ host: `10.1.${i >> 8}.${i & 255}`, port: 6881 }))
    expect(list.add(many, 'tracker', 0)).toBe(3000)
    const peer = list.next(0, false)
    if (!peer) throw new Error('no peer')
    list.failed(peer, 0)
    expect(list.add([address(1)], 'tracker', 0)).toBe(1)
    expect(list.size).toBe(3000)
  })

  it('comes back soon to a peer that was useful', () => {
    const list = new PeerList()
    list.add([address(1)], 'tracker', 0)
    const peer = list.next(0, false)
    if (!peer) throw new Error('no peer')
    list.connected(peer)
    list.disconnected(peer, true, 1000)
    expect(list.nextDialAt(false)).toBe(11_000)
    list.refresh(2000)
    expect(list.next(2000, false)).toBe(peer)
  })

  it('comes back ever later to a peer that is of no use, and not at all after three times', () => {
    const list = new PeerList()
    list.add([address(1)], 'tracker', 0)
    list.add([address(2)], 'user', 0)
    const waits = (peer: KnownPeer, times: number): number[] =>
      Array.from({ length: times }, () => {
        list.dialling(peer)
        list.connected(peer)
        list.disconnected(peer, false, 0)
        return peer.nextDial
      })
    const named = list.at(address(2)) as KnownPeer
    const told = list.at(address(1)) as KnownPeer
    expect(waits(told, 3)).toEqual([120_000, 180_000, 240_000])
    expect(waits(named, 100).slice(-1)).toEqual([3_600_000])
    expect(list.next(1e9, false)).toBe(named)
    list.dialling(named)
    expect(list.next(1e9, false)).toBeUndefined()
    list.add([address(1)], 'tracker', 1e9)
    expect(list.next(1e9, false)).toBe(told)
    // Once it is of use all is forgiven.
    list.connected(told)
    list.disconnected(told, true, 0)
    expect(told.nextDial).toBe(10_000)
    expect(waits(told, 1)).toEqual([120_000])
  })

  it('dials peers of higher canonical priority first, once it knows who we are', () => {
    const list = new PeerList()
    list.setOwnAddress({ host: '123.213.32.10', port: 6881 })
    const [low, high] = ['98.76.54.32', '9.9.9.9'].map((host) => ({ host, port: 6881 }))
    if (!low || !high) throw new Error('no addresses')
    const [first, second] = list.priorityOf(low) > list.priorityOf(high) ? [low, high] : [high, low]
    expect(list.priorityOf(low)).toBe(0xec2d7224)
    list.add([second, first], 'tracker', 0)
    const best = list.next(0, false)
    expect(best?.address).toEqual(first)
    if (!best) return
    list.failed(best, 0)
    expect(list.next(0, false)?.address).toEqual(second)
  })

  it('believes in another address of ours when two peers in a row see it', () => {
    const list = new PeerList()
    const their = { host: '98.76.54.32', port: 1 }
    const us = { host: '123.213.32.10', port: 6881 }
    list.setOwnAddress(us, '1.1.1.1')
    expect(list.priorityOf(their)).toBe(0)
    list.setOwnAddress({ host: '10.0.0.1', port: 6881 })
    list.setOwnAddress(us, '1.1.1.1')
    list.setOwnAddress(us, '1.1.1.1')
    expect(list.priorityOf(their)).not.toBe(0xec2d7224)
    list.setOwnAddress(us, '2.2.2.2')
    expect(list.priorityOf(their)).toBe(0xec2d7224)
    list.setOwnAddress({ host: '10.0.0.1', port: 6881 })
    expect(list.priorityOf(their)).toBe(0xec2d7224)
  })

  it('dials a peer back where it listens, but not as a seed', () => {
    const list = new PeerList()
    list.add([address(9)], 'pex', 0, [{ seed: true }])
    const peer = list.incoming(address(9, 50_000), 0)
    list.connected(peer)
    list.setListenAddress(peer, address(9), 5)
    expect(list.size).toBe(1)
    expect(list.add([address(9)], 'tracker', 5)).toBe(0)
    expect(list.next(1e9, false)).toBeUndefined()
    list.disconnected(peer, true, 10)
    expect(list.next(1e9, true)).toBeUndefined()
    expect(list.nextDialAt(true)).toBe(Number.POSITIVE_INFINITY)
    expect(list.next(1e9, false)).toBe(peer)
    expect(peer.listenAddress).toEqual(address(9))
  })

  it('does not dial back where a peer says that it listens, once the torrent is private', () => {
    const list = new PeerList()
    const peer = list.incoming(address(9, 50_000), 0)
    list.connected(peer)
    list.setListenAddress(peer, address(9), 5)
    list.add([address(1)], 'pex', 5)
    list.add([address(2)], 'tracker', 5)
    expect(list.forgetPublic().map(({ key }) => key)).toEqual(['10.0.0.1:6881'])
    list.disconnected(peer, true, 10)
    list.refresh(20)
    expect(list.next(1e9, false)?.key).toBe('10.0.0.2:6881')
    list.remove('10.0.0.2:6881')
    expect(list.next(1e9, false)).toBeUndefined()
  })

  it('takes hints for guesses, and a bounded number of addresses by hearsay', () => {
    const list = new PeerList()
    const many = Array.from({ length: 2500 }, (_, i) => ({ host: `10.1.${i >> 8}.${i & 255}`, port: 6881 }))
    expect(list.add(many, 'pex', 0)).toBe(2000)
    expect(list.add(many.slice(2000), 'tracker', 0)).toBe(500)
    list.add([address(1)], 'user', 0)
    list.add([address(1)], 'pex', 0, [{ seed: true, prefersEncryption: true }])
    const peer = list.next(0, false)
    expect(peer).toMatchObject({ address: address(1), seed: true, hints: { prefersEncryption: true } })
    expect(list.forgetPublic().length).toBe(2000)
    expect(list.add(many.slice(0, 10), 'pex', 0)).toBe(10)
  })
})
