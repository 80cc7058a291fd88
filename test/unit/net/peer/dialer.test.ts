import { describe, expect, it } from 'vitest'
import { Dialer, type Dialling } from '../../../../src/net/peer/dialer.js'
import { encryptionKind } from '../../../../src/net/peer/encryption.js'
import { Scheduler } from '../../../../src/net/scheduler.js'
import { VirtualNetwork } from '../../../../src/testing/index.js'
import { encodeHandshake } from '../../../../src/wire/index.js'

const infoHash = new Uint8Array(20).fill(1)
const ours = { infoHash, peerId: new Uint8Array(20).fill(2) }
const theirs = encodeHandshake({ infoHash, peerId: new Uint8Array(20).fill(3), reserved: new Uint8Array(8) })

interface Wish extends Dialling {
  /** Addresses still to dial. */
  readonly hosts: string[]
  readonly outcomes: string[]
  readonly dialledAt: number[]
  notBefore: number
}

function setUp(options: { halfOpen?: number; dialsPerSecond?: number; room?: () => number } = {}) {
  const { halfOpen = 4, dialsPerSecond = 1_000, room = () => 100 } = options
  const network = new VirtualNetwork({ seed: 1 })
  const host = network.host()
  const dialer = new Dialer({
    world: host.world,
    scheduler: new Scheduler(host.world),
    settings: {
      limits: { halfOpen, dialsPerSecond },
      transport: {
        connectTimeoutMs: 2_000,
        handshakeTimeoutMs: 3_000,
        encryption: encryptionKind.check('disabled', 'encryption'),
      },
    },
    room,
  })
  const torrent = (...hosts: string[]): Wish => ({
    ours,
    hosts,
    outcomes: [],
    dialledAt: [],
    notBefore: 0,
    nextDial(now) {
      if (now < this.notBefore) return undefined
      const ip = this.hosts.shift()
      if (ip === undefined) return undefined
      this.dialledAt.push(now)
      return {
        address: { host: ip, port: 6881 },
        connected: (stream, handshake) => {
          this.outcomes.push(`${ip} ${handshake.peerId[0]}`)
          stream.listen({ data() {}, drain() {}, close() {} })
        },
        failed: (code) => this.outcomes.push(`${ip} ${code}`),
      }
    },
    nextDialAt() {
      return this.hosts.length > 0 ? this.notBefore : Number.POSITIVE_INFINITY
    },
  })
  /** A peer that answers with these bytes, or slams the door. */
  const peer = async (answer: Uint8Array | undefined) => {
    const other = network.host()
    const listening = other.world.listen({ port: 6881 }, (stream) => {
      if (!answer) stream.destroy()
      else {
        stream.listen({ data() {}, drain() {}, close() {} })
        if (answer.length > 0) stream.write([answer])
      }
    })
    await network.run({ until: listening })
    return other.ip
  }
  const nobody = (count: number) => Array.from({ length: count }, (_, i) => `10.50.0.${i + 1}`)
  return { network, host, dialer, torrent, peer, nobody }
}

describe('Dialer', () => {
  it('connects, shakes hands, and says why not', async () => {
    const { network, dialer, torrent, peer, host } = setUp()
    const wrong = theirs.slice()
    wrong[40] = 0
    const closed = network.host().ip
    const hosts = [
      await peer(theirs),
      await peer(wrong),
      await peer(undefined),
      await peer(new Uint8Array(0)),
      closed,
      '10.50.0.1',
    ]
    const wish = torrent(...hosts)
    dialer.add(wish)
    await network.advance(10_000)
    const codes = ['3', 'wire/wrong-infohash', 'wire/handshake-cut', 'wire/handshake-timeout']
    const expected = [...codes, 'ECONNREFUSED', 'ETIMEDOUT'].map((code, i) => `${hosts[i]} ${code}`)
    expect([...wish.outcomes].sort()).toEqual(expected.sort())
    expect(dialer.halfOpen).toBe(0)
    dialer.close()
    expect(host.open.filter((line) => !line.startsWith('tcp'))).toEqual([])
  })

  it('keeps no more under way than it may', async () => {
    const { network, dialer, torrent, nobody } = setUp({ halfOpen: 3 })
    const wish = torrent(...nobody(10))
    dialer.add(wish)
    let most = 0
    for (let i = 0; i < 100; i++) {
      await network.advance(100)
      most = Math.max(most, dialer.halfOpen)
    }
    expect(most).toBe(3)
    expect(wish.outcomes).toHaveLength(10)
    dialer.close()
  })

  it('keeps room for the connections that dials become', async () => {
    const { network, dialer, torrent, nobody } = setUp({ room: () => 2 })
    const wish = torrent(...nobody(10))
    dialer.add(wish)
    await network.advance(500)
    expect(dialer.halfOpen).toBe(2)
    dialer.close()
  })

  it('dials no faster than it may', async () => {
    const { network, dialer, torrent, nobody } = setUp({ halfOpen: 1_000, dialsPerSecond: 10 })
    const wish = torrent(...nobody(60))
    dialer.add(wish)
    await network.advance(10_000)
    expect(wish.dialledAt).toHaveLength(60)
    for (let from = 0; from < 6_000; from += 250) {
      const second = wish.dialledAt.filter((at) => at > from && at <= from + 1_000)
      expect(second.length).toBeLessThanOrEqual(11)
    }
    expect(wish.dialledAt.at(-1)).toBeLessThan(5_600)
    dialer.close()
  })

  it('takes torrents in turn', async () => {
    const { network, dialer, torrent, nobody } = setUp({ halfOpen: 4 })
    const [greedy, modest] = [torrent(...nobody(50)), torrent('10.51.0.1', '10.51.0.2')]
    dialer.add(greedy)
    dialer.add(modest)
    await network.advance(100)
    expect(greedy.dialledAt).toHaveLength(2)
    expect(modest.dialledAt).toHaveLength(2)
    dialer.close()
  })

  it('waits until a torrent wants to dial, or is woken', async () => {
    const { network, dialer, torrent } = setUp()
    const wish = torrent('10.50.0.1')
    wish.notBefore = 5_000
    dialer.add(wish)
    await network.advance(4_990)
    expect(wish.dialledAt).toEqual([])
    await network.advance(50)
    expect(wish.dialledAt).toHaveLength(1)
    wish.hosts.push('10.50.0.2')
    dialer.wake()
    dialer.wake()
    await network.advance(1)
    expect(wish.dialledAt).toHaveLength(2)
    dialer.close()
  })

  it('gives up the attempts of a torrent that is removed, in any state', async () => {
    const { network, host, dialer, torrent, peer, nobody } = setUp({ halfOpen: 10 })
    const mute = await peer(new Uint8Array(0))
    const gone = torrent(...nobody(2), mute)
    const stays = torrent('10.51.0.1')
    dialer.add(gone)
    dialer.add(stays)
    await network.advance(500)
    expect(dialer.halfOpen).toBe(4)
    dialer.remove(gone)
    await network.advance(1)
    expect(dialer.halfOpen).toBe(1)
    expect(gone.outcomes).toHaveLength(3)
    dialer.close()
    await network.advance(100)
    expect(dialer.halfOpen).toBe(0)
    await network.advance(10_000)
    expect(host.open).toEqual([])
    gone.hosts.push('10.50.0.9')
    dialer.wake()
    await network.advance(100)
    expect(gone.hosts).toHaveLength(1)
  })
})
