import { describe, expect, it } from 'vitest'
import { Dialer, type DialTarget } from '../../../../src/net/peer/dialer.js'
import { type EncryptionPolicy, encryptionKind } from '../../../../src/net/peer/encryption.js'
import {
  type HandshakeOptions,
  type HandshakeSecurity,
  shakeHands,
} from '../../../../src/net/peer/handshake.js'
import { nodeKeyExchange } from '../../../../src/net/peer/key-exchange.js'
import { Listener } from '../../../../src/net/peer/listener.js'
import { Scheduler } from '../../../../src/net/scheduler.js'
import { VirtualNetwork } from '../../../../src/testing/index.js'
import { concatBytes } from '../../../../src/util/bytes.js'
import { encodeHandshake } from '../../../../src/wire/index.js'
import { SkeyTable } from '../../../../src/wire/mse/keys.js'
import { MseInitiator } from '../../../../src/wire/mse/mse.js'
import { seededRandom } from '../../../support/random.js'
import { FakeStream } from '../fakes.js'

const infoHash = new Uint8Array(20).fill(1)
const upgrade = new Uint8Array(20).fill(8)
const us = { infoHash, peerId: new Uint8Array(20).fill(2) }
const them = { infoHash, peerId: new Uint8Array(20).fill(3) }
const skeys = new SkeyTable()
for (const hash of [infoHash, upgrade]) skeys.add(hash)

const security = (changes: Partial<HandshakeSecurity> = {}): HandshakeSecurity => ({
  random: seededRandom(1),
  methods: ['rc4', 'plaintext'],
  find: (hash) => skeys.find(hash),
  ...changes,
})

function start(options: Partial<HandshakeOptions>) {
  const network = new VirtualNetwork({ seed: 1 })
  const host = network.host()
  const stream = new FakeStream()
  const outcome: unknown[] = []
  const rests: Uint8Array[] = []
  const abort = shakeHands(stream, {
    scheduler: new Scheduler(host.world),
    deadline: 1_000,
    done: (greeting, rest, ours, opened) => {
      outcome.push(`${greeting.peerId[0]} ${greeting.encryption} ${ours.peerId[0]}`)
      rests.push(rest)
      opened.listen({ data: (chunk) => rests.push(new Uint8Array(chunk)), drain() {}, close() {} })
      opened.write([Uint8Array.of(7, 7, 7)])
    },
    failed: (code) => outcome.push(code),
    ...options,
  })
  return { network, host, stream, outcome, rests, abort }
}

type Side = ReturnType<typeof start>

/** Carries bytes between two sides until neither has more, `size` at a time. */
function connect(a: Side, b: Side, size: number): void {
  for (let moved = true; moved; ) {
    moved = false
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const bytes = concatBytes(...from.stream.writes.splice(0))
      for (let at = 0; at < bytes.length; at += size) {
        moved = true
        const chunk = Buffer.from(bytes.subarray(at, at + size))
        to.stream.listener?.data(chunk)
        chunk.fill(0xee)
      }
    }
  }
}

describe('an encrypted handshake', () => {
  it.each([1, 7, 95, 96, 97, 700, 100_000])(
    'is done when it comes in chunks of %i, with what follows',
    (size) => {
      for (const method of ['rc4', 'plaintext'] as const) {
        const a = start({ ours: us, security: security({ methods: [method] }) })
        const b = start({ identify: () => them, security: security() })
        connect(a, b, size)
        expect(a.outcome).toEqual([`3 ${method} 2`])
        expect(b.outcome).toEqual([`2 ${method} 3`])
        expect([...concatBytes(...a.rests)]).toEqual([7, 7, 7])
        expect([...concatBytes(...b.rests)]).toEqual([7, 7, 7])
      }
    },
  )

  it('is told from a plain one by the first byte that differs, wherever that is', () => {
    for (let same = 0; same < 20; same++) {
      // A public key that begins as a plain handshake does.
      const b = start({ identify: () => them, security: security() })
      const key = concatBytes(
        encodeHandshake({ ...us, reserved: new Uint8Array(8) }).slice(0, same),
        Uint8Array.of(0xff),
      )
      b.stream.listener?.data(key)
      b.stream.listener?.data(new Uint8Array(96 - key.length).fill(9))
      expect(b.outcome).toEqual([])
      expect(concatBytes(...b.stream.writes).length).toBeGreaterThanOrEqual(96)
    }
    const plain = start({ identify: () => them, security: security() })
    plain.stream.listener?.data(encodeHandshake({ ...us, reserved: new Uint8Array(8) }))
    expect(plain.outcome).toEqual(['2 undefined 3'])
  })

  it('finds the torrent of a hybrid by either hash', () => {
    const hybrid = { ...them, upgrade }
    for (const hash of [infoHash, upgrade]) {
      const a = start({ ours: { ...us, infoHash: hash }, security: security() })
      const b = start({ identify: () => hybrid, security: security() })
      connect(a, b, 10_000)
      expect(a.outcome).toEqual(['3 rc4 2'])
    }
  })

  it('ends when its infohash is not the one that it was encrypted for', () => {
    const b = start({ identify: () => them, security: security() })
    const liar = new MseInitiator({
      random: seededRandom(3),
      exchange: nodeKeyExchange,
      skey: upgrade,
      provide: ['rc4'],
      payload: encodeHandshake({ ...us, reserved: new Uint8Array(8) }),
    })
    for (let round = 0; round < 2; round++) {
      for (let bytes = liar.transmit(); bytes; bytes = liar.transmit()) b.stream.listener?.data(bytes)
      for (const bytes of b.stream.writes.splice(0)) liar.receive(bytes)
    }
    expect(b.outcome).toEqual(['mse/other-infohash'])
    expect(b.stream.destroyed).toBe(true)
  })

  it('is asked for where it is required, and unknown where it is not taken', () => {
    const strict = start({ identify: () => them, security: security({ required: true }) })
    strict.stream.listener?.data(encodeHandshake({ ...us, reserved: new Uint8Array(8) }))
    expect(strict.outcome).toEqual(['mse/required'])
    expect(strict.stream.writes).toEqual([])
    const plain = start({ identify: () => them })
    plain.stream.listener?.data(new Uint8Array(96).fill(9))
    expect(plain.outcome).toEqual(['wire/not-bittorrent'])
  })

  it('that is cut, slow or given up ends with a code of its own, once', async () => {
    for (const role of [{ ours: us }, { identify: () => them }] as const) {
      const cut = start({ ...role, security: security() })
      cut.stream.listener?.data(new Uint8Array(50).fill(9))
      cut.stream.listener?.close(undefined)
      cut.abort()
      expect(cut.outcome).toEqual(['mse/cut'])
      const slow = start({ ...role, security: security() })
      slow.stream.listener?.data(new Uint8Array(100).fill(9))
      await slow.network.advance(1_020)
      expect(slow.outcome).toEqual(['mse/timeout'])
      expect(slow.stream.destroyed).toBe(true)
      slow.stream.listener?.data(new Uint8Array(100).fill(9))
      const given = start({ ...role, security: security() })
      given.abort()
      expect(given.outcome).toEqual(['wire/handshake-aborted'])
      await given.network.advance(2_000)
      expect([...slow.host.open, ...given.host.open]).toEqual([])
    }
  })

  it('for nobody here is not answered beyond the keys', () => {
    const a = start({ ours: { ...us, infoHash: new Uint8Array(20).fill(4) }, security: security() })
    const b = start({ identify: () => them, security: security() })
    connect(a, b, 10_000)
    expect(b.outcome).toEqual(['mse/unknown-skey'])
    expect(a.outcome).toEqual([])
  })
})

describe('Dialer and Listener', () => {
  /** One dial to a peer; returns how it ended, and how often the peer was connected to. */
  async function dial(
    outgoing: EncryptionPolicy,
    peer: EncryptionPolicy | 'slams' | 'mute',
    hint?: boolean,
    running = true,
  ): Promise<{ outcome: string[]; connections: number; waited: number }> {
    const network = new VirtualNetwork({ seed: 1 })
    const [here, there] = [network.host(), network.host()]
    let connections = 0
    const world = {
      ...there.world,
      random: there.world.random,
      now: () => there.world.now(),
      listen: (at: { port: number }, accept: Parameters<typeof there.world.listen>[1]) =>
        there.world.listen(at, (stream) => {
          connections++
          accept(stream)
        }),
    } as typeof there.world
    if (peer === 'slams' || peer === 'mute') {
      await network.run({
        until: world.listen({ port: 1 }, (stream) => {
          if (peer === 'slams') stream.destroy()
          else stream.listen({ data() {}, drain() {}, close() {} })
        }),
      })
    } else {
      const listener = new Listener({
        world,
        scheduler: new Scheduler(there.world),
        settings: {
          transport: { handshakeTimeoutMs: 5_000, encryption: encryptionKind.check(peer, 'peer') },
        },
        welcome: () => true,
        identify: () => (running ? them : undefined),
        accepted: (stream) => stream.listen({ data() {}, drain() {}, close() {} }),
      })
      listener.skeys.add(infoHash)
      await network.run({ until: listener.open({ port: 1 }) })
    }
    const outcome: string[] = []
    const target: DialTarget = {
      address: { host: there.ip, port: 1 },
      ...(hint === undefined ? {} : { prefersEncryption: hint }),
      connected: (stream, greeting) => {
        outcome.push(String(greeting.encryption))
        stream.listen({ data() {}, drain() {}, close() {} })
      },
      failed: (code) => outcome.push(code),
    }
    const targets = [target]
    const dialer = new Dialer({
      world: here.world,
      scheduler: new Scheduler(here.world),
      settings: {
        limits: { halfOpen: 4, dialsPerSecond: 10 },
        transport: {
          connectTimeoutMs: 2_000,
          handshakeTimeoutMs: 3_000,
          encryption: encryptionKind.check(outgoing, 'outgoing'),
        },
      },
      room: () => 10,
    })
    dialer.add({ ours: us, nextDial: () => targets.shift(), nextDialAt: () => Number.POSITIVE_INFINITY })
    const from = network.now
    await network.run({ until: () => outcome.length > 0, limit: 20_000 })
    const waited = network.now - from
    await network.advance(10_000)
    expect(dialer.halfOpen).toBe(0)
    dialer.close()
    return { outcome, connections, waited }
  }

  it.each([
    ['disabled', 'required', undefined, ['wire/handshake-cut'], 1],
    ['enabled', 'disabled', undefined, ['undefined'], 1],
    ['enabled', 'required', undefined, ['rc4'], 2],
    ['enabled', 'preferred', undefined, ['undefined'], 1],
    ['enabled', 'preferred', true, ['rc4'], 1],
    ['enabled', 'disabled', true, ['undefined'], 2],
    ['enabled', 'slams', undefined, ['mse/cut'], 2],
    ['enabled', 'mute', undefined, ['wire/handshake-timeout'], 1],
    ['preferred', 'disabled', undefined, ['undefined'], 2],
    ['preferred', 'enabled', undefined, ['plaintext'], 1],
    ['preferred', 'slams', undefined, ['wire/handshake-cut'], 2],
    ['preferred', 'mute', undefined, ['wire/handshake-timeout'], 2],
    ['required', 'disabled', undefined, ['mse/cut'], 1],
    ['required', 'enabled', undefined, ['plaintext'], 1],
    ['required', 'slams', undefined, ['mse/cut'], 1],
    ['required', 'mute', undefined, ['mse/timeout'], 1],
  ] as const)(
    '%s to %s (hint %s): %j after %i connections',
    async (outgoing, peer, hint, outcome, connections) => {
      expect(await dial(outgoing, peer, hint)).toMatchObject({ outcome, connections })
    },
  )

  it('answers for no torrent that takes no connections now', async () => {
    expect(await dial('required', 'enabled', undefined, false)).toMatchObject({ outcome: ['mse/cut'] })
  })

  it('dials again at once', async () => {
    const { waited } = await dial('enabled', 'required')
    expect(waited).toBeLessThan(1_000)
  })
})
