import { describe, expect } from 'vitest'
import { concatBytes } from '../../src/util/bytes.js'
import { encodeMessage, type Message } from '../../src/wire/index.js'
import { frame, type RawLink } from './raw-peer.js'
import { at, closeCode, content, isWhole, KIB, type Member, MIB, scenario } from './world.js'

const BLOCK = 16 * KIB
/** 63 pieces and a short one: the bitfield has no spare bits but with 61 pieces it has 3. */
const torrent = content(61 * 32 * KIB - 5, 32 * KIB)
const PIECES = torrent.metainfo.pieceCount

interface Attack {
  readonly name: string
  readonly code: string
  readonly fast?: boolean
  /** Leaves the address banned. */
  readonly banned?: boolean
  readonly send: (link: RawLink) => void
}

const bits = (bytes: number, last = 0): Message & { readonly bits: Uint8Array } => {
  const bitfield = new Uint8Array(bytes)
  bitfield[bytes - 1] = last
  return { type: 'bitfield', bits: bitfield }
}
const right = bits(Math.ceil(PIECES / 8))
const block = (piece: number, begin: number, length: number): Message => ({
  type: 'piece',
  piece,
  begin,
  data: new Uint8Array(length),
})
const request = (piece: number, begin: number, length: number): Message => ({
  type: 'request',
  piece,
  begin,
  length,
})
const many = (count: number, message: Message): Uint8Array =>
  concatBytes(...Array.from({ length: count }, () => encodeMessage(message)))

/** Each ends its own connection with a code, whether the other side downloads or seeds. */
const ATTACKS: readonly Attack[] = [
  {
    name: 'a length prefix of 0x7fffffff',
    code: 'wire/message-too-long',
    banned: true,
    send: (link) => link.send(frame(0x7fffffff, 7)),
  },
  {
    name: 'a length prefix of 0xffffffff',
    code: 'wire/message-too-long',
    banned: true,
    send: (link) => link.send(frame(0xffffffff, 20)),
  },
  {
    name: 'a block of 1 MiB',
    code: 'wire/message-too-long',
    banned: true,
    send: (link) => link.send(frame(MIB, 7, 0, 0, 0, 0, 0, 0, 0, 0)),
  },
  {
    name: 'an unknown message above 1 MiB',
    code: 'wire/message-too-long',
    banned: true,
    send: (link) => link.send(frame(MIB + 1, 99)),
  },
  {
    name: 'an extended message of 1 MiB',
    code: 'wire/message-too-long',
    banned: true,
    send: (link) => link.send(frame(MIB, 20, 1)),
  },
  { name: 'a choke of 2 bytes', code: 'wire/bad-length', send: (link) => link.send(frame(2, 0, 0)) },
  { name: 'a have of 4 bytes', code: 'wire/bad-length', send: (link) => link.send(frame(4, 4, 0, 0, 0)) },
  { name: 'an empty block', code: 'wire/bad-length', send: (link) => link.send(frame(5, 7, 0, 0, 0, 0)) },
  {
    name: 'a bitfield that is too short',
    code: 'wire/bad-bitfield',
    send: (link) => link.send(bits(Math.ceil(PIECES / 8) - 1)),
  },
  {
    name: 'a bitfield that is too long',
    code: 'wire/bad-bitfield',
    send: (link) => link.send(bits(Math.ceil(PIECES / 8) + 1)),
  },
  {
    name: 'a bitfield with spare bits',
    code: 'wire/bad-bitfield',
    send: (link) => link.send(bits(Math.ceil(PIECES / 8), 1)),
  },
  {
    name: 'everything and nothing in turn',
    code: 'wire/pieces-flood',
    send: (link) => {
      const one: Message = {
        type: 'bitfield',
        bits: Uint8Array.from(right.bits, (_, at) => (at === 0 ? 0x80 : 0)),
      }
      for (let i = 0; i < 80; i++) link.send(one, { type: 'have-none' })
    },
  },
  {
    name: 'a have out of range',
    code: 'wire/bad-have',
    send: (link) => link.send({ type: 'have', piece: PIECES }),
  },
  {
    name: 'a have of 2^32 - 1',
    code: 'wire/bad-have',
    send: (link) => link.send({ type: 'have', piece: 0xffffffff }),
  },
  {
    name: 'a request out of range',
    code: 'wire/bad-request',
    send: (link) => link.send(request(PIECES, 0, BLOCK)),
  },
  {
    name: 'a request across a piece',
    code: 'wire/bad-request',
    send: (link) => link.send(request(0, BLOCK + 1, BLOCK)),
  },
  {
    name: 'a request that wraps around',
    code: 'wire/bad-request',
    send: (link) => link.send(request(0, 0xffffffff, BLOCK)),
  },
  { name: 'an empty request', code: 'wire/bad-request', send: (link) => link.send(request(0, 0, 0)) },
  {
    name: 'a request for 2^32 - 1 bytes',
    code: 'wire/request-too-long',
    send: (link) => link.send(request(0, 0, 0xffffffff)),
  },
  {
    name: 'a cancel out of range',
    code: 'wire/bad-cancel',
    send: (link) => link.send({ type: 'cancel', piece: PIECES, begin: 0, length: BLOCK }),
  },
  {
    name: 'a block out of range',
    code: 'wire/bad-piece',
    send: (link) => link.send(block(PIECES, 0, BLOCK)),
  },
  {
    name: 'a block that is no block',
    code: 'wire/bad-piece',
    send: (link) => link.send(block(0, 1, BLOCK)),
  },
  {
    name: 'an unrequested block',
    code: 'wire/unrequested-piece',
    send: (link) => link.send({ type: 'have-none' }, block(0, 0, BLOCK)),
  },
  {
    name: 'unrequested blocks without the fast extension',
    code: 'wire/unrequested-piece',
    fast: false,
    send: (link) => link.send(many(65, block(0, 0, BLOCK))),
  },
  {
    name: 'a reject of nothing',
    code: 'wire/unrequested-reject',
    send: (link) => link.send({ type: 'reject', piece: 0, begin: 0, length: BLOCK }),
  },
  {
    name: 'a suggest out of range',
    code: 'wire/bad-suggest',
    send: (link) => link.send({ type: 'suggest', piece: PIECES }),
  },
  {
    name: 'an allowed-fast out of range',
    code: 'wire/bad-allowed-fast',
    send: (link) => link.send({ type: 'allowed-fast', piece: PIECES }),
  },
  {
    name: 'have all without the fast extension',
    code: 'wire/fast-not-negotiated',
    fast: false,
    send: (link) => link.send({ type: 'have-all' }),
  },
  {
    name: 'a reject without the fast extension',
    code: 'wire/fast-not-negotiated',
    fast: false,
    send: (link) => link.send({ type: 'reject', piece: 0, begin: 0, length: BLOCK }),
  },
  {
    name: 'a hash request on v1',
    code: 'wire/hash-not-negotiated',
    send: (link) =>
      link.send({
        type: 'hash-request',
        request: { root: new Uint8Array(32), base: 0, index: 0, length: 512, proofs: 0 },
      }),
  },
  {
    name: 'hashes on v1',
    code: 'wire/hash-not-negotiated',
    send: (link) =>
      link.send({
        type: 'hashes',
        request: { root: new Uint8Array(32), base: 0, index: 0, length: 1, proofs: 0 },
        hashes: new Uint8Array(32),
      }),
  },
  {
    name: 'a flood of requests while choked',
    code: 'wire/request-flood',
    send: (link) => link.send(many(2_000, request(0, 0, BLOCK))),
  },
  {
    name: 'a flood of requests while choked, without the fast extension',
    code: 'wire/request-flood',
    fast: false,
    send: (link) => link.send(many(21_000, request(0, 0, BLOCK))),
  },
]

/** Every attacker at once, each from its own host. */
async function attack(sim: Parameters<Parameters<typeof scenario>[1]>[0], victim: Member) {
  const outcomes = new Map<string, string | undefined>()
  const attackers = []
  for (const { fast = true, send } of ATTACKS) {
    attackers.push(await sim.rawTo(victim, torrent, { fast, open: send }))
  }
  await sim.network.advance(5_000)
  for (const [index, { name, code, banned = false }] of ATTACKS.entries()) {
    const attacker = attackers[index]
    if (!attacker) continue
    outcomes.set(name, closeCode(victim, attacker.host.ip))
    expect(outcomes.get(name), name).toBe(code)
    expect(attacker.links[0]?.closed, name).toBe(true)
    const isBanned = victim.warnings.some(
      (warning) => warning.code === code && warning.message.startsWith(`${attacker.host.ip}:`),
    )
    expect(isBanned, `${name}: banned`).toBe(banned)
    if (banned) {
      const again = await sim.run(attacker.dial(victim.host))
      await sim.network.advance(1_000)
      expect(again.closed, `${name}: dials again`).toBe(true)
    }
  }
}

describe('hostile messages', () => {
  scenario('end the connection with a code while the download goes on', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, host: { upload: 200 * KIB } })
    const victim = await sim.join(torrent, { add: { peers: [at(seed)] } })
    await sim.run(() => victim.pieces.length > 2)
    await attack(sim, victim)
    expect(await sim.run(victim.torrent.done)).toBe('complete')
    expect(isWhole(victim.host, torrent)).toBe(true)
    expect(closeCode(victim, seed.host.ip)).toBe('torrent/both-seeds')
  })

  scenario('end the connection with a code while seeding goes on', async (sim) => {
    const victim = await sim.join(torrent, { seed: true, host: { upload: 200 * KIB } })
    await sim.run(victim.torrent.done)
    const leecher = await sim.join(torrent, { add: { peers: [at(victim)] } })
    await attack(sim, victim)
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    expect(isWhole(leecher.host, torrent)).toBe(true)
  })

  scenario(
    'that arrive in any fragments end in the same way',
    async (sim) => {
      const victim = await sim.join(torrent, { seed: true })
      await sim.run(victim.torrent.done)
      await attack(sim, victim)
    },
    { fragment: 1 },
  )

  scenario('whose answers are never read end the connection before they fill the memory', async (sim) => {
    const victim = await sim.join(torrent, { seed: true })
    await sim.run(victim.torrent.done)
    const request = { piece: 0, begin: 0, length: 16 * KIB }
    const flap = concatBytes(
      ...Array.from({ length: 10_000 }, () => [
        encodeMessage({ type: 'request', ...request }),
        encodeMessage({ type: 'cancel', ...request }),
      ]).flat(),
    )
    const deaf = await sim.rawTo(victim, torrent, {
      open: (link) => {
        link.send({ type: 'interested' })
        link.stream.pause()
      },
    })
    await sim.network.advance(1_000)
    const [link] = deaf.links
    for (let i = 0; i < 100 && link?.closed === false; i++) {
      link.send(flap)
      await sim.network.advance(100)
    }
    expect(closeCode(victim, deaf.host.ip)).toBe('wire/send-queue-full')
  })
})
