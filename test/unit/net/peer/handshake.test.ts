import { describe, expect, it } from 'vitest'
import { type HandshakeOptions, shakeHands } from '../../../../src/net/peer/handshake.js'
import { Scheduler } from '../../../../src/net/scheduler.js'
import { VirtualNetwork } from '../../../../src/testing/index.js'
import { concatBytes } from '../../../../src/util/bytes.js'
import { decodeHandshake, encodeHandshake, reservedBits, supports } from '../../../../src/wire/index.js'
import { FakeStream } from '../fakes.js'

const infoHash = new Uint8Array(20).fill(1)
const ours = { infoHash, peerId: new Uint8Array(20).fill(2) }
const theirs = encodeHandshake({
  infoHash,
  peerId: new Uint8Array(20).fill(3),
  reserved: reservedBits({ fast: true }),
})

function setUp(role: Pick<HandshakeOptions, 'ours' | 'identify'>) {
  const network = new VirtualNetwork({ seed: 1 })
  const host = network.host()
  const stream = new FakeStream()
  const outcome: unknown[] = []
  const abort = shakeHands(stream, {
    scheduler: new Scheduler(host.world),
    deadline: 1_000,
    done: (handshake, rest, identity) =>
      outcome.push([handshake.peerId[0], Array.from(rest), identity.peerId[0]]),
    failed: (code) => outcome.push(code),
    ...role,
  })
  return { network, host, stream, outcome, abort }
}

const dialling = { ours }
const accepting = {
  identify: (hash: Uint8Array) => (hash.every((byte) => byte === 1) ? ours : undefined),
}

describe.each([
  ['an initiator', dialling],
  ['an acceptor', accepting],
])('%s', (_name, role) => {
  it.each([1, 20, 47, 48, 68, 70])('is done when the handshake came in chunks of %i', async (size) => {
    const { network, stream, outcome, host } = setUp(role)
    const bytes = concatBytes(theirs, Uint8Array.of(0, 0))
    for (let at = 0; at < bytes.length && outcome.length === 0; at += size) {
      stream.listener?.data(bytes.slice(at, at + size))
    }
    const rest = size === 70 ? [0, 0] : size === 68 || size === 1 ? [] : expect.any(Array)
    expect(outcome).toEqual([[3, rest, 2]])
    await network.advance(2_000)
    expect(outcome).toHaveLength(1)
    expect(stream.destroyed).toBe(false)
    expect(host.open).toEqual([])
    const sent = decodeHandshake(concatBytes(...stream.writes))
    expect(sent?.peerId).toEqual(ours.peerId)
    expect(supports(sent?.reserved ?? new Uint8Array(8))).toMatchObject({ fast: true, extended: true })
  })

  it('fails at the first byte that is wrong', () => {
    const { stream, outcome } = setUp(role)
    stream.listener?.data(Uint8Array.of(19, 65))
    expect(outcome).toEqual(['wire/not-bittorrent'])
    expect(stream.destroyed).toBe(true)
    stream.listener?.data(theirs)
    stream.listener?.close(undefined)
    expect(outcome).toHaveLength(1)
  })

  it('fails when the stream ends, when it takes too long, when it is given up; once', async () => {
    const cut = setUp(role)
    cut.stream.listener?.data(theirs.slice(0, 67))
    cut.stream.listener?.drain()
    cut.stream.listener?.close(undefined)
    cut.abort()
    expect(cut.outcome).toEqual(['wire/handshake-cut'])
    const slow = setUp(role)
    await slow.network.advance(990)
    expect(slow.outcome).toEqual([])
    await slow.network.advance(30)
    expect(slow.outcome).toEqual(['wire/handshake-timeout'])
    expect(slow.stream.destroyed).toBe(true)
    const given = setUp(role)
    given.abort()
    given.abort()
    await given.network.advance(2_000)
    expect(given.outcome).toEqual(['wire/handshake-aborted'])
    expect(given.host.open).toEqual([])
  })

  it('is not given up any more once it is done', () => {
    const { stream, outcome, abort } = setUp(role)
    stream.listener?.data(theirs)
    abort()
    expect(outcome).toHaveLength(1)
    expect(stream.destroyed).toBe(false)
  })
})

describe('infohashes', () => {
  const other = encodeHandshake({
    infoHash: new Uint8Array(20).fill(9),
    peerId: new Uint8Array(20),
    reserved: new Uint8Array(8),
  })

  it('that differ end an outgoing handshake', () => {
    const { stream, outcome } = setUp(dialling)
    expect(stream.writes).toHaveLength(1)
    stream.listener?.data(other)
    expect(outcome).toEqual(['wire/wrong-infohash'])
  })

  it('that are unknown end an incoming one before we say who we are', () => {
    const { stream, outcome } = setUp(accepting)
    expect(stream.writes).toEqual([])
    stream.listener?.data(other.slice(0, 48))
    expect(outcome).toEqual(['wire/unknown-infohash'])
    expect(stream.writes).toEqual([])
  })

  it('are answered as soon as they are there', () => {
    const { stream } = setUp(accepting)
    stream.listener?.data(theirs.slice(0, 47))
    expect(stream.writes).toEqual([])
    stream.listener?.data(theirs.slice(47, 48))
    expect(stream.writes).toHaveLength(1)
  })

  it('are unknown to an acceptor that knows none', () => {
    const { stream, outcome } = setUp({})
    stream.listener?.data(theirs)
    expect(outcome).toEqual(['wire/unknown-infohash'])
  })
})

describe('a hybrid', () => {
  const upgrade = new Uint8Array(20).fill(9)
  const hybrid = { ...ours, upgrade }
  const from = (hash: Uint8Array, v2upgrade: boolean): Uint8Array =>
    encodeHandshake({
      infoHash: hash,
      peerId: new Uint8Array(20).fill(3),
      reserved: reservedBits({ fast: true, v2upgrade }),
    })
  const agreed = (role: Pick<HandshakeOptions, 'ours' | 'identify'>, bytes: Uint8Array) => {
    const stream = new FakeStream()
    const outcome: unknown[] = []
    shakeHands(stream, {
      scheduler: new Scheduler(new VirtualNetwork({ seed: 1 }).host().world),
      deadline: 1_000,
      done: (handshake) => outcome.push(handshake.infoHash[0]),
      failed: (code) => outcome.push(code),
      ...role,
    })
    stream.listener?.data(bytes)
    const sent = decodeHandshake(concatBytes(...stream.writes))
    return { outcome, sent: sent?.infoHash[0], bit: sent && supports(sent.reserved).v2upgrade }
  }

  it.each([
    ['answers the v1 hash with it', infoHash, false, { outcome: [1], sent: 1, bit: false }],
    ['upgrades who knows both', infoHash, true, { outcome: [9], sent: 9, bit: false }],
    ['answers the v2 hash with it', upgrade, false, { outcome: [9], sent: 9, bit: false }],
  ])('accepting: %s', (_what, hash, bit, expected) => {
    expect(agreed({ identify: () => hybrid }, from(hash, bit))).toEqual(expected)
  })

  it.each([
    ['takes the same hash', infoHash, { outcome: [1], sent: 1, bit: true }],
    ['takes the upgrade', upgrade, { outcome: [9], sent: 1, bit: true }],
    ['refuses a third', new Uint8Array(20).fill(7), { outcome: ['wire/wrong-infohash'], sent: 1, bit: true }],
  ])('dialling: %s', (_what, hash, expected) => {
    expect(agreed({ ours: hybrid }, from(hash, false))).toEqual(expected)
  })
})
