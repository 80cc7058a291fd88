import { describe, expect } from 'vitest'
import type { EncryptionPolicy, SessionOptions } from '../../src/index.js'
import { nodeKeyExchange } from '../../src/net/peer/key-exchange.js'
import { concatBytes, utf8 } from '../../src/util/bytes.js'
import { decodeExtensionHandshake, encodeHandshake, reservedBits } from '../../src/wire/index.js'
import { SkeyTable } from '../../src/wire/mse/keys.js'
import { MseAcceptor, MseInitiator } from '../../src/wire/mse/mse.js'
import { keyOf } from '../support/mse.js'
import { RawLink, RawPeer } from './raw-peer.js'
import { at, content, isWhole, KIB, type Member, scenario } from './world.js'

const torrent = content(256 * KIB, 64 * KIB)
const skey = torrent.metainfo.infoHash as Uint8Array
const SILENT = { greet: false } as const
const POLICIES: readonly EncryptionPolicy[] = ['disabled', 'enabled', 'preferred', 'required']

/** What the two ends of the only connection say of it, once there is one; undefined when there is none. */
function encryptionOf(...members: readonly Member[]): unknown[] {
  return members.map(({ torrent }) => torrent.peers.map(({ encryption }) => encryption ?? 'plain')[0])
}

/** Initiator down, acceptor across: how they end up talking. */
const MATRIX: Readonly<Record<EncryptionPolicy, readonly (string | undefined)[]>> = {
  //          disabled   enabled      preferred  required
  disabled: ['plain', 'plain', 'plain', undefined],
  enabled: ['plain', 'plain', 'plain', 'rc4'],
  preferred: ['plain', 'plaintext', 'rc4', 'rc4'],
  required: [undefined, 'plaintext', 'rc4', 'rc4'],
}

describe('a peer whose outgoing policy', () => {
  for (const outgoing of POLICIES) {
    for (const [index, incoming] of POLICIES.entries()) {
      const expected = MATRIX[outgoing][index]
      scenario(`is ${outgoing} meets one whose incoming policy is ${incoming}: ${expected}`, async (sim) => {
        const seed = await sim.join(torrent, {
          seed: true,
          session: { encryption: { incoming, outgoing: 'disabled' } },
        })
        await sim.run(seed.torrent.done)
        let used: unknown[] = []
        const leecher = await sim.join(torrent, {
          session: { encryption: { outgoing, incoming: 'disabled' }, listen: false },
          add: { peers: [at(seed)] },
          added: (added) =>
            added.on('peer', () => {
              used = encryptionOf(seed, { torrent: added } as Member)
            }),
        })
        if (expected !== undefined) {
          expect(await sim.run(leecher.torrent.done, 20_000)).toBe('complete')
          expect(used).toEqual([expected, expected])
          expect(isWhole(leecher.host, torrent)).toBe(true)
        } else {
          await sim.network.advance(5_000)
          expect(leecher.torrent.stats).toMatchObject({ peers: 0, downloaded: 0 })
          expect(seed.torrent.peers).toEqual([])
        }
      })
    }
  }
})

describe('methods', () => {
  const both = (methods: 'rc4' | 'plaintext' | 'both'): SessionOptions => ({
    encryption: { incoming: 'required', outgoing: 'required', methods },
  })
  const table = [
    ['rc4', 'both', 'rc4'],
    ['plaintext', 'both', 'plaintext'],
    ['both', 'rc4', 'rc4'],
    ['both', 'plaintext', 'plaintext'],
    ['rc4', 'plaintext', undefined],
  ] as const
  for (const [ours, theirs, expected] of table) {
    scenario(`${ours} and ${theirs} come to ${expected}`, async (sim) => {
      const seed = await sim.join(torrent, { seed: true, session: both(theirs) })
      await sim.run(seed.torrent.done)
      let used: unknown[] = []
      const leecher = await sim.join(torrent, {
        session: both(ours),
        add: { peers: [at(seed)] },
        added: (added) =>
          added.on('peer', () => {
            used = encryptionOf({ torrent: added } as Member)
          }),
      })
      if (expected === undefined) {
        await sim.network.advance(5_000)
        expect(leecher.torrent.stats.downloaded).toBe(0)
        return
      }
      expect(await sim.run(leecher.torrent.done, 20_000)).toBe('complete')
      expect(used).toEqual([expected])
    })
  }
})

describe('a swarm that requires encryption', () => {
  scenario(
    'completes over lines that split the bytes anywhere and break now and then',
    async (sim) => {
      const session: SessionOptions = {
        encryption: { incoming: 'required', outgoing: 'required', methods: 'rc4' },
      }
      const large = content(2048 * KIB, 64 * KIB)
      const seed = await sim.join(large, { seed: true, session, host: { upload: 500_000 } })
      const known = [at(seed)]
      const leechers: Member[] = []
      for (let i = 0; i < 4; i++) {
        const host = { upload: 500_000, connectionLife: 20_000 }
        const leecher = await sim.join(large, { session, host, add: { peers: [...known] } })
        leechers.push(leecher)
        known.push(at(leecher))
      }
      const used = new Set<unknown>()
      for (const { torrent } of leechers) {
        torrent.on('piece', () => {
          for (const { encryption } of torrent.peers) used.add(encryption)
        })
      }
      await sim.run(Promise.all(leechers.map(({ torrent }) => torrent.done)), 600_000)
      for (const { host } of leechers) expect(isWhole(host, large)).toBe(true)
      expect([...used]).toEqual(['rc4'])
      expect(leechers.some(({ torrent }) => torrent.stats.uploaded > 0)).toBe(true)
    },
    { fragment: 0.3 },
  )
})

describe('the extension handshake', () => {
  for (const [policy, expected] of [
    ['enabled', undefined],
    ['preferred', true],
  ] as const) {
    scenario(
      `of a session whose encryption is ${policy} says that it prefers it: ${expected}`,
      async (sim) => {
        const seed = await sim.join(torrent, { seed: true, session: { encryption: policy } })
        await sim.run(seed.torrent.done)
        const peer = await sim.rawTo(seed, torrent, SILENT)
        const [link] = peer.links
        const peerId = new Uint8Array(20).fill(7)
        link?.send(encodeHandshake({ infoHash: skey, peerId, reserved: reservedBits({ extended: true }) }))
        await sim.network.advance(1_000)
        const hello = link?.received.find((message) => message.type === 'extended')
        const payload = hello?.type === 'extended' ? hello.payload : new Uint8Array(0)
        expect(decodeExtensionHandshake(payload)?.prefersEncryption).toBe(expected)
      },
    )
  }
})

/** An encrypted handshake, its parts in order, as an initiator or an acceptor of ours would send them. */
function script(kind: 'initiator' | 'acceptor', sim: RawPeer) {
  const { random } = sim.host.world
  const skeys = new SkeyTable()
  skeys.add(skey)
  return kind === 'initiator'
    ? new MseInitiator({ random, exchange: nodeKeyExchange, skey, provide: ['rc4'], payload: sim.handshake })
    : new MseAcceptor({
        random,
        exchange: nodeKeyExchange,
        select: ['rc4'],
        find: (hash) => skeys.find(hash),
      })
}

describe('hostile encrypted handshakes', () => {
  scenario('that we accept end with a code, and those that are slow in 15 s', async (sim) => {
    const victim = await sim.join(torrent, { seed: true, session: { encryption: 'required' } })
    await sim.run(victim.torrent.done)
    const start = sim.network.now
    /** Dials, and plays `parts` of an honest initiator: 1 its key, 2 all of it. */
    const half = async (parts: number): Promise<RawPeer> => {
      const peer = new RawPeer(sim.network, torrent, SILENT)
      const core = script('initiator', peer)
      const stream = await sim.run(
        peer.host.world.connect({ host: victim.host.ip, port: 6881 }, { timeout: 10_000 }),
      )
      const link = { closed: false }
      let sent = 0
      const send = (): void => {
        for (let bytes = core.transmit(); bytes; bytes = core.transmit())
          if (sent++ < parts) stream.write([bytes])
      }
      stream.listen({
        data(chunk) {
          core.receive(chunk)
          send()
        },
        drain() {},
        close() {
          link.closed = true
        },
      })
      send()
      peer.links.push(link as never)
      return peer
    }
    const raw = async (...bytes: readonly Uint8Array[]): Promise<RawPeer> => {
      const peer = await sim.rawTo(victim, torrent, SILENT)
      if (bytes.length > 0) peer.links[0]?.send(...bytes)
      return peer
    }
    const atOnce = {
      zero: await raw(keyOf(0n)),
      one: await raw(keyOf(1n)),
      last: await raw(keyOf(-1n)),
      highest: await raw(new Uint8Array(96).fill(0xff)),
      padding: await raw(keyOf(2n), new Uint8Array(600)),
      endless: await raw(keyOf(2n), new Uint8Array(100_000)),
      plain: await raw(new RawPeer(sim.network, torrent).handshake),
    }
    const slow = {
      mute: await raw(),
      letter: await raw(utf8('GET / HTTP/1.1\r\n\r\n')),
      most: await raw(keyOf(2n).subarray(0, 95)),
      key: await half(1),
      pads: await raw(keyOf(2n), new Uint8Array(531)),
      drip: await raw(),
    }
    slow.drip.links[0]?.drip(concatBytes(keyOf(2n), new Uint8Array(600)), 1_000)
    const honest = await half(2)
    const open = (peers: object): string[] =>
      Object.entries(peers).flatMap(([name, peer]) =>
        (peer as RawPeer).links[0]?.closed === true ? [] : [name],
      )
    await sim.network.advance(1_000)
    expect(open(atOnce)).toEqual([])
    expect(open(slow)).toEqual(Object.keys(slow))
    expect(open({ honest })).toEqual(['honest'])
    expect(victim.torrent.peers).toMatchObject([{ encryption: 'rc4', incoming: true }])
    await sim.network.advance(13_500 - (sim.network.now - start))
    expect(open(slow)).toEqual(Object.keys(slow))
    await sim.network.advance(3_000)
    expect(open(slow)).toEqual([])
    expect(open({ honest })).toEqual(['honest'])
  })

  scenario('of peers that we dial cost nothing but their place', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, session: { encryption: 'required' } })
    const answers: readonly (readonly Uint8Array[])[] = [
      [keyOf(0n)],
      [keyOf(1n)],
      [keyOf(-1n)],
      [keyOf(2n), new Uint8Array(100_000)],
      [keyOf(2n)],
      [],
    ]
    const peers: string[] = []
    for (const answer of answers) {
      const raw = new RawPeer(sim.network, torrent)
      await raw.host.world.listen({ port: 6881 }, (stream) => {
        stream.listen({ data() {}, drain() {}, close() {} })
        if (answer.length > 0) stream.write(answer)
      })
      peers.push(`${raw.host.ip}:6881`)
    }
    const leecher = await sim.join(torrent, {
      session: { encryption: 'required' },
      add: { peers: [...peers, at(seed)] },
    })
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    await sim.network.advance(200_000)
    expect(leecher.session.stats.halfOpen).toBe(0)
  })

  scenario('of peers that we dial end in 15 s, wherever these fall silent', async (sim) => {
    const leecher = await sim.join(torrent, { session: { encryption: 'required', limits: { halfOpen: 20 } } })
    let dials = 0
    // Parts of an acceptor's answers that are sent: its key, and what selects a method; then no handshake.
    for (const { parts, slow } of [{ parts: 0 }, { parts: 1 }, { parts: 2 }, { parts: 2, slow: true }]) {
      const raw = new RawPeer(sim.network, torrent, SILENT)
      const core = script('acceptor', raw)
      await raw.host.world.listen({ port: 6881 }, (stream) => {
        dials++
        const link = new RawLink(raw, stream)
        let sent = 0
        stream.listen({
          data(chunk) {
            core.receive(chunk)
            for (let bytes = core.transmit(); bytes; bytes = core.transmit()) {
              if (sent++ >= parts) continue
              if (slow) link.drip(bytes, 1_000)
              else stream.write([bytes])
            }
          },
          drain() {},
          close() {
            link.closed = true
          },
        })
      })
      leecher.torrent.addPeers([`${raw.host.ip}:6881`])
    }
    await sim.network.advance(13_500)
    expect([dials, leecher.session.stats.halfOpen]).toEqual([4, 4])
    await sim.network.advance(2_500)
    expect([dials, leecher.session.stats.halfOpen]).toEqual([4, 0])
  })

  scenario('for a torrent that was removed or paused find nobody', async (sim) => {
    const victim = await sim.join(torrent, { seed: true })
    await sim.run(victim.torrent.done)
    const other = await sim.join(torrent, {
      session: { encryption: 'required', listen: false },
      add: { peers: [at(victim)], paused: true },
    })
    void victim.torrent.pause()
    void other.torrent.resume()
    await sim.network.advance(5_000)
    expect(other.torrent.stats.peers).toBe(0)
    void victim.torrent.resume()
    expect(await sim.run(other.torrent.done, 120_000)).toBe('complete')
    await sim.run(victim.torrent.close())
    const late = await sim.join(torrent, {
      session: { encryption: 'required', listen: false },
      add: { peers: [at(victim)] },
    })
    await sim.network.advance(5_000)
    expect(late.torrent.stats.peers).toBe(0)
  })
})
