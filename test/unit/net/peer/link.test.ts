import { describe, expect, it } from 'vitest'
import { Link, type LinkOwner } from '../../../../src/net/peer/link.js'
import { Scheduler } from '../../../../src/net/scheduler.js'
import { VirtualNetwork } from '../../../../src/testing/index.js'
import { concatBytes } from '../../../../src/util/bytes.js'
import type { PeerOptions } from '../../../../src/wire/peer.js'
import { BLOCK, bytesOf, messagesIn, newPeer } from '../../../support/wire.js'
import { FakeStream } from '../fakes.js'

function setUp(options: { peer?: Partial<PeerOptions>; owner?: Partial<LinkOwner<Link>> } = {}) {
  const network = new VirtualNetwork({ seed: 1 })
  const host = network.host()
  const services = { world: host.world, scheduler: new Scheduler(host.world) }
  const stream = new FakeStream()
  const peer = newPeer({ maxRequests: 100, ...options.peer })
  const log: string[] = []
  const owner: LinkOwner<Link> = {
    event: (_link, event) => log.push(event.type),
    delivered: () => log.push('delivered'),
    sent: (_link, parts) => log.push(`sent ${parts.join()}`),
    drained: () => log.push('drained'),
    discarded: (_link, event) => log.push(`discarded ${event.piece}`),
    closed: (_link, code) => log.push(`closed ${code}`),
    ...options.owner,
  }
  const link = new Link(services, stream, peer, owner)
  return { network, host, stream, peer, log, link }
}

describe('Link', () => {
  it('hands out all events of a read, then settles, then writes once', () => {
    const { link, stream, peer, log } = setUp({
      owner: {
        delivered: (link) => {
          link.peer.setInterested(true, 0)
          link.peer.setChoking(false, 0)
        },
      },
    })
    peer.start(undefined, undefined, 0)
    link.open(bytesOf({ type: 'have-all' }))
    stream.listener?.data(bytesOf({ type: 'unchoke' }, { type: 'interested' }))
    expect(log).toEqual(['pieces', 'unchoke', 'interested'])
    expect(messagesIn(concatBytes(...stream.writes)).map(({ type }) => type)).toEqual([
      'have-none',
      'interested',
      'unchoke',
    ])
    expect(stream.writes).toHaveLength(1)
  })

  it('closes with the code of what the remote did, once, and says no more', async () => {
    const { network, link, stream, log, host } = setUp()
    link.open(new Uint8Array(0))
    stream.listener?.data(bytesOf({ type: 'have', piece: 3 }, { type: 'have', piece: 10_000 }))
    expect(log).toEqual(['delivered', 'have', 'closed wire/bad-have'])
    expect(stream.destroyed).toBe(true)
    expect(link.isClosed).toBe(true)
    const writes = stream.writes.length
    stream.listener?.data(bytesOf({ type: 'have', piece: 1 }))
    stream.listener?.drain()
    stream.listener?.close(undefined)
    link.end('torrent/late', '')
    link.touch()
    link.flush(0)
    link.run(0)
    await network.advance(300_000)
    expect(log).toHaveLength(3)
    expect(stream.writes).toHaveLength(writes)
    expect(host.open).toEqual([])
  })

  it.each([
    ['net/ended', undefined],
    ['net/broken', new Error('ECONNRESET')],
  ])('closes with %s when the stream ends', (code, error) => {
    const { link, stream, log } = setUp()
    link.open(new Uint8Array(0))
    stream.listener?.close(error)
    expect(log).toEqual(['delivered', `closed ${code}`])
  })

  it('stops handing out events when one of them ends the link', () => {
    const { link, stream, log } = setUp({
      owner: {
        event: (ended, event) => {
          log.push(event.type)
          if (event.type === 'unchoke') ended.end('torrent/enough', '')
        },
      },
    })
    link.open(new Uint8Array(0))
    const bad = bytesOf({ type: 'unchoke' }, { type: 'choke' }, { type: 'have', piece: 10_000 })
    stream.listener?.data(bad)
    expect(log).toEqual(['delivered', 'unchoke', 'closed torrent/enough'])
  })

  it('gives back blocks that arrived and parts that were held when it ends', () => {
    const { link, stream, peer, log } = setUp({
      owner: {
        event: (ended, event) => {
          if (event.type === 'have') ended.end('torrent/enough', '')
        },
      },
    })
    link.open(new Uint8Array(0))
    peer.request(0, 0, BLOCK, 0)
    const block = { type: 'piece', piece: 0, begin: 0, data: new Uint8Array(BLOCK) } as const
    link.hold('a')
    stream.listener?.data(bytesOf({ type: 'have', piece: 1 }, block))
    expect(log).toEqual(['delivered', 'discarded 0', 'closed torrent/enough', 'sent a'])
  })

  it('reports held parts when their write has left, and asks for more', () => {
    const { link, stream, peer, log } = setUp()
    link.open(new Uint8Array(0))
    link.hold('a')
    link.hold('b')
    link.flush(0)
    expect(stream.sent).toHaveLength(0)
    peer.setInterested(true, 0)
    link.flush(0)
    expect(stream.sent).toHaveLength(1)
    log.length = 0
    stream.sent[0]?.()
    expect(log).toEqual(['sent a,b', 'drained'])
    stream.listener?.drain()
    expect(log.at(-1)).toBe('drained')
    link.hold('c')
    peer.setInterested(false, 0)
    link.flush(0)
    link.end('torrent/closed', '')
    stream.sent[1]?.()
    expect(log.slice(-2)).toEqual(['closed torrent/closed', 'sent c'])
  })

  it('writes nothing more to a stream that takes nothing', () => {
    const { link, stream, peer } = setUp()
    link.open(new Uint8Array(0))
    stream.queued = 3 * 1024 * 1024
    peer.setInterested(true, 0)
    link.flush(0)
    expect(stream.writes).toHaveLength(0)
    stream.queued = 0
    link.flush(0)
    expect(stream.writes).toHaveLength(1)
  })

  it('handles what commands made at the end of the turn, once', async () => {
    const { network, link, stream, peer, log } = setUp()
    link.open(new Uint8Array(0))
    log.length = 0
    peer.setInterested(true, 0)
    link.touch()
    link.touch()
    expect(stream.writes).toHaveLength(0)
    await network.advance(1)
    expect(log).toEqual(['delivered'])
    expect(stream.writes).toHaveLength(1)
  })

  it('sends keep-alives and ends silent connections by itself', async () => {
    const { network, link, stream, log } = setUp()
    link.open(new Uint8Array(0))
    await network.advance(120_000)
    expect(stream.writes).toEqual([new Uint8Array(4)])
    await network.advance(40_000)
    expect(log.at(-1)).toBe('closed wire/idle')
  })

  it('does not start when it was ended before', () => {
    const { link, stream, log } = setUp()
    link.end('torrent/paused', '')
    link.open(bytesOf({ type: 'have', piece: 0 }))
    expect(stream.listener).toBeUndefined()
    expect(log).toEqual(['closed torrent/paused'])
  })
})
