import { describe, expect, it } from 'vitest'
import type { AnnounceRequest } from '../../../src/tracker/types.js'
import {
  decodeUdpRequest,
  encodeUdpResponse,
  type UdpRequest,
  type UdpResponse,
} from '../../../src/tracker/udp-codec.js'
import { UdpExchange, type UdpExchangeEvent } from '../../../src/tracker/udp-exchange.js'
import { seededRandom } from '../../support/random.js'

const TRACKER = { host: '192.0.2.1', port: 1337 }
const HOUR = 3_600
const request: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0xaa),
  peerId: new Uint8Array(20).fill(0x70),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 1,
  key: 1,
}
const hash = request.infoHash

/** An exchange, the clock in seconds, and all that it sent as `[second, action]`. */
class Talk {
  readonly exchange: UdpExchange = new UdpExchange(TRACKER, seededRandom(1))
  readonly sent: [number, UdpRequest['action']][] = []
  readonly requests: UdpRequest[] = []
  readonly events: UdpExchangeEvent[] = []
  now = 0

  /** Jumps from wake-up to wake-up. */
  until(second: number): void {
    for (let next = this.exchange.nextTimeout(); next <= second * 1000; next = this.exchange.nextTimeout()) {
      this.now = next / 1000
      this.exchange.timeout(next)
      this.drain()
    }
    this.now = second
  }

  announce(at: number): number {
    this.until(at)
    const id = this.exchange.announce(request, '', at * 1000)
    this.drain()
    return id
  }

  scrape(at: number): number {
    this.until(at)
    const id = this.exchange.scrape([hash], at * 1000)
    this.drain()
    return id
  }

  get last(): UdpRequest {
    return this.requests.at(-1)!
  }

  reply(at: number, response: UdpResponse, from: { host: string; port: number } = TRACKER): boolean {
    this.until(at)
    const taken = this.exchange.receive(encodeUdpResponse(response), from, at * 1000)
    this.drain()
    return taken
  }

  connected(at: number, connectionId = 5n): boolean {
    this.until(at)
    const connect = this.requests.findLast(({ action }) => action === 'connect')!
    return this.reply(at, { action: 'connect', transactionId: connect.transactionId, connectionId })
  }

  answered(at: number, to: UdpRequest = this.last): boolean {
    const { transactionId } = to
    return this.reply(at, {
      action: 'announce',
      transactionId,
      interval: 1800,
      leechers: 3,
      seeders: 5,
      peers: [],
    })
  }

  private drain(): void {
    for (let bytes = this.exchange.transmit(); bytes; bytes = this.exchange.transmit()) {
      const decoded = decodeUdpRequest(bytes)
      if (!decoded.ok) throw decoded.error
      this.sent.push([this.now, decoded.value.action])
      this.requests.push(decoded.value)
    }
    for (let event = this.exchange.poll(); event; event = this.exchange.poll()) this.events.push(event)
  }
}

const failures = (talk: Talk) =>
  talk.events.map((event) => (event.type === 'failed' ? event.error.code : event.type))

describe('timelines of BEP 15', () => {
  it('connect lost', () => {
    const talk = new Talk()
    talk.announce(0)
    talk.until(200)
    expect(talk.sent).toEqual([0, 15, 45, 105].map((at) => [at, 'connect']))
  })

  it('announce lost, and the connection expires', () => {
    const talk = new Talk()
    talk.announce(0)
    talk.connected(1)
    // The BEP's client takes a second to announce; ours announces at once: the same, a second earlier.
    expect(talk.sent).toEqual([
      [0, 'connect'],
      [1, 'announce'],
    ])
    const late = new Talk()
    late.announce(0)
    late.connected(1)
    late.exchange.cancel(1)
    late.sent.length = 0
    late.announce(2)
    late.until(400)
    expect(late.sent).toEqual([
      [2, 'announce'],
      [17, 'announce'],
      [47, 'announce'],
      [107, 'connect'],
      [227, 'connect'],
    ])
  })

  it('one connection id for many requests, for a minute', () => {
    const talk = new Talk()
    const use = (at: number) => {
      talk.announce(at)
      return talk.last.action === 'announce' && talk.answered(at)
    }
    talk.announce(0)
    talk.connected(1)
    talk.answered(1)
    expect([2, 4, 60].map(use)).toEqual([true, true, true])
    talk.announce(62)
    expect(talk.last.action).toBe('connect')
    talk.connected(63, 6n)
    talk.announce(64)
    talk.scrape(64)
    talk.scrape(64)
    expect(talk.sent.slice(-4)).toEqual([
      [63, 'announce'],
      [64, 'announce'],
      [64, 'scrape'],
      [64, 'scrape'],
    ])
    const ids = talk.requests.map((sent) => (sent.action === 'connect' ? 'connect' : sent.connectionId))
    expect(ids).toEqual(['connect', 5n, 5n, 5n, 5n, 'connect', 6n, 6n, 6n, 6n])
  })

  it('gives up after n = 8', () => {
    const talk = new Talk()
    talk.announce(0)
    const last = 15 * (2 ** 9 - 1)
    talk.until(last - 1)
    expect(talk.sent).toHaveLength(9)
    expect(talk.events).toEqual([])
    talk.until(last)
    expect(failures(talk)).toEqual(['tracker/timeout'])
    expect(talk.exchange.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
    expect(talk.exchange.idle).toBe(true)
  })

  it('gives up a request whose connections come and whose answers do not', () => {
    const talk = new Talk()
    talk.announce(0)
    for (let at = 1; at < 4 * HOUR && talk.events.length === 0; at++) {
      talk.until(at)
      if (talk.last.action === 'connect') talk.connected(at)
    }
    expect(failures(talk)).toEqual(['tracker/timeout'])
    expect(talk.sent.filter(([, action]) => action === 'announce').length).toBeLessThanOrEqual(9)
  })
})

describe('patience', () => {
  it('with a tracker that was away does not delay a fresh request', () => {
    const talk = new Talk()
    talk.announce(0)
    talk.until(500)
    const before = talk.sent.length
    talk.announce(500)
    talk.until(546)
    expect(talk.sent.slice(before)).toEqual([
      [515, 'connect'],
      [545, 'connect'],
    ])
    expect(talk.connected(547)).toBe(true)
    expect(talk.sent.slice(-2).map(([, action]) => action)).toEqual(['announce', 'announce'])
  })

  it('asks at most every 15 s however many requests come', () => {
    const talk = new Talk()
    talk.announce(0)
    for (let at = 100; at < 400; at++) talk.announce(at)
    expect(talk.sent.filter(([at]) => at >= 100).length).toBeLessThanOrEqual(300 / 15 + 1)
  })
})

describe('answers', () => {
  it('become events', () => {
    const talk = new Talk()
    const announce = talk.announce(0)
    const scrape = talk.scrape(0)
    expect(talk.sent).toEqual([[0, 'connect']])
    talk.connected(1)
    const [, first, second] = talk.requests
    const entries = [{ complete: 1, downloaded: 2, incomplete: 3 }]
    expect(talk.reply(2, { action: 'scrape', transactionId: second!.transactionId, entries })).toBe(true)
    const peers = [{ host: '1.2.3.4', port: 5 }]
    const { transactionId } = first!
    talk.reply(2, { action: 'announce', transactionId, interval: 9, leechers: 3, seeders: 5, peers })
    expect(talk.events).toEqual([
      { type: 'scraped', id: scrape, entries },
      {
        type: 'announced',
        id: announce,
        response: { interval: 9, peers: [{ address: peers[0] }], complete: 5, incomplete: 3 },
      },
    ])
    expect(talk.exchange.idle).toBe(true)
    expect(talk.exchange.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
  })

  it('that are forged or late change nothing', () => {
    const talk = new Talk()
    talk.announce(0)
    const { transactionId } = talk.last
    const connect = { action: 'connect', transactionId, connectionId: 9n } as const
    expect(talk.reply(1, connect, { ...TRACKER, port: 1338 })).toBe(false)
    expect(talk.reply(1, connect, { ...TRACKER, host: '192.0.2.2' })).toBe(false)
    expect(talk.reply(1, { ...connect, transactionId: transactionId ^ 1 })).toBe(false)
    expect(talk.reply(1, { action: 'scrape', transactionId, entries: [] })).toBe(false)
    expect(talk.exchange.receive(new Uint8Array(5), TRACKER, 1_000)).toBe(false)
    expect(talk.sent).toEqual([[0, 'connect']])
    expect(talk.connected(2)).toBe(true)
    expect(talk.connected(2)).toBe(false)
    const announce = talk.last
    expect(talk.reply(2, { action: 'scrape', transactionId: announce.transactionId, entries: [] })).toBe(
      false,
    )
    expect(talk.reply(2, { ...connect, transactionId: announce.transactionId })).toBe(false)
    expect(talk.answered(3, announce)).toBe(true)
    expect(talk.answered(3, announce)).toBe(false)
    expect(talk.events).toHaveLength(1)
  })

  it('to an announce that was not sent yet cannot be genuine', () => {
    const talk = new Talk()
    talk.announce(0)
    const taken = Array.from({ length: 2_000 }, (_, transactionId) =>
      talk.exchange.receive(encodeUdpResponse({ action: 'error', transactionId, message: '' }), TRACKER, 0),
    )
    expect(taken.some(Boolean)).toBe(false)
  })

  it('to an earlier sending count, also while the connection is renewed', () => {
    const talk = new Talk()
    talk.announce(0)
    talk.connected(0)
    const announce = talk.last
    talk.until(110)
    expect(talk.last.action).toBe('connect')
    expect(talk.answered(111, announce)).toBe(true)
    expect(failures(talk)).toEqual(['announced'])
  })
})

describe('errors', () => {
  it('of a request end it', () => {
    const talk = new Talk()
    talk.announce(0)
    talk.connected(1)
    talk.reply(2, { action: 'error', transactionId: talk.last.transactionId, message: 'torrent unknown' })
    expect(talk.events).toMatchObject([
      { type: 'failed', error: { code: 'tracker/failure', message: 'the tracker refused: torrent unknown' } },
    ])
  })

  it('about the connection cost one new connection', () => {
    const talk = new Talk()
    talk.announce(0)
    talk.connected(1)
    const refuse = (at: number) =>
      talk.reply(at, {
        action: 'error',
        transactionId: talk.last.transactionId,
        message: 'Connection ID mismatch',
      })
    expect(refuse(2)).toBe(true)
    expect(talk.last.action).toBe('connect')
    talk.connected(3, 6n)
    expect(talk.last).toMatchObject({ action: 'announce', connectionId: 6n })
    refuse(4)
    expect(failures(talk)).toEqual(['tracker/failure'])
  })

  it('of the connect end all that wait for it', () => {
    const talk = new Talk()
    talk.announce(0)
    talk.scrape(0)
    talk.reply(1, { action: 'error', transactionId: talk.last.transactionId, message: '' })
    expect(failures(talk)).toEqual(['tracker/failure', 'tracker/failure'])
    talk.announce(2)
    expect(talk.sent).toEqual([
      [0, 'connect'],
      [2, 'connect'],
    ])
  })

  it('of our own caller come at once, not when the tracker answers', () => {
    const talk = new Talk()
    const wrong = { ...request, infoHash: new Uint8Array(3) }
    expect(() => talk.exchange.announce(wrong, '', 0)).toThrow(RangeError)
    expect(() => talk.exchange.scrape([new Uint8Array(3)], 0)).toThrow(RangeError)
    expect(() => talk.exchange.scrape(new Array(75).fill(hash), 0)).toThrow(RangeError)
    expect(talk.exchange.idle).toBe(true)
    talk.announce(0)
    expect(talk.connected(1)).toBe(true)
  })
})

describe('bounds', () => {
  it('holds 10,000 requests', () => {
    const talk = new Talk()
    for (let i = 0; i < 10_000; i++) talk.announce(0)
    expect(talk.events).toEqual([])
    talk.announce(0)
    expect(failures(talk)).toEqual(['tracker/too-many-requests'])
  })

  it('forgets what is cancelled', () => {
    const talk = new Talk()
    const first = talk.announce(0)
    const second = talk.announce(0)
    talk.exchange.cancel(first)
    expect(talk.exchange.nextTimeout()).toBe(15_000)
    talk.exchange.cancel(second)
    talk.exchange.cancel(second)
    expect(talk.exchange.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
    expect(talk.exchange.idle).toBe(true)
    expect(talk.connected(1)).toBe(false)
  })

  it('tells whether the last connection is of use', () => {
    const talk = new Talk()
    expect(talk.exchange.isConnected(0)).toBe(false)
    talk.announce(0)
    talk.connected(1)
    expect([1, 60, 61].map((at) => talk.exchange.isConnected(at * 1000))).toEqual([true, true, false])
  })
})
