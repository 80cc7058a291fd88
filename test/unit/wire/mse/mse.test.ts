import { describe, expect, it } from 'vitest'
import { concatBytes, writeU16, writeU32 } from '../../../../src/util/bytes.js'
import { isDegenerate, labelled, SkeyTable, streamCiphers, xorHashes } from '../../../../src/wire/mse/keys.js'
import { type CryptoMethod, MseAcceptor, type MseEvent, MseInitiator } from '../../../../src/wire/mse/mse.js'
import { bigKeyExchange, keyOf } from '../../../support/mse.js'
import { seededRandom } from '../../../support/random.js'

const SKEY = new Uint8Array(20).fill(0xaa)
const ZERO = new Uint8Array(8)
const none = new Uint8Array(0)

function u16(value: number): Uint8Array {
  const bytes = new Uint8Array(2)
  writeU16(bytes, 0, value)
  return bytes
}

function u32(value: number): Uint8Array {
  const bytes = new Uint8Array(4)
  writeU32(bytes, 0, value)
  return bytes
}

function acceptor(select: readonly CryptoMethod[] = ['rc4', 'plaintext']): MseAcceptor {
  const skeys = new SkeyTable()
  skeys.add(SKEY)
  return new MseAcceptor({
    random: seededRandom(1),
    exchange: bigKeyExchange,
    select,
    find: (hash) => skeys.find(hash),
  })
}

function initiator(provide: readonly CryptoMethod[] = ['rc4', 'plaintext']): MseInitiator {
  return new MseInitiator({
    random: seededRandom(2),
    exchange: bigKeyExchange,
    skey: SKEY,
    provide,
    payload: Uint8Array.of(1, 2, 3),
  })
}

type Core = MseAcceptor | MseInitiator

function sent(core: Core): Uint8Array {
  const parts: Uint8Array[] = []
  for (let bytes = core.transmit(); bytes !== undefined; bytes = core.transmit()) parts.push(bytes)
  return concatBytes(...parts)
}

/** The one event of a core, and proof that it says and takes nothing more. */
function outcome(core: Core): MseEvent | undefined {
  const event = core.poll()
  if (event) {
    sent(core)
    core.receive(new Uint8Array(5_000))
    expect(core.poll()).toBeUndefined()
    expect(core.transmit()).toBeUndefined()
  }
  return event
}

function code(core: Core): string | undefined {
  const event = outcome(core)
  return event?.type === 'error' ? event.code : event?.type
}

/** What a scripted initiator knows once the acceptor has answered its key. */
function meet(core: MseAcceptor, pad = 0) {
  const side = bigKeyExchange(new Uint8Array(20).fill(9))
  core.receive(concatBytes(side.publicKey, new Uint8Array(pad)))
  const secret = side.secret(sent(core).slice(0, 96))
  const { fromInitiator, fromAcceptor } = streamCiphers(secret, SKEY)
  const hide = (...parts: readonly Uint8Array[]): Uint8Array => {
    const bytes = concatBytes(...parts)
    fromInitiator.apply(bytes, bytes)
    return bytes
  }
  const mask = (skey: Uint8Array): Uint8Array => xorHashes(labelled('req2', skey), labelled('req3', secret))
  return { mark: labelled('req1', secret), mask, hide, fromAcceptor }
}

/** What a scripted acceptor knows once the initiator has answered its key. */
function answer(core: MseInitiator, pad = 0) {
  const side = bigKeyExchange(new Uint8Array(20).fill(9))
  const secret = side.secret(sent(core).slice(0, 96))
  core.receive(concatBytes(side.publicKey, new Uint8Array(pad)))
  const { fromAcceptor } = streamCiphers(secret, SKEY)
  return (...parts: readonly Uint8Array[]): Uint8Array => {
    const bytes = concatBytes(...parts)
    fromAcceptor.apply(bytes, bytes)
    return bytes
  }
}

const DEGENERATE = [
  ['0', 0n],
  ['1', 1n],
  ['P - 1', -1n],
] as const

describe('degenerate keys', () => {
  it('are those outside of 2 .. P - 2', () => {
    for (const [, number] of DEGENERATE) expect(isDegenerate(keyOf(number))).toBe(true)
    const P = keyOf(-1n)
    P[95] = 0x63
    expect(isDegenerate(P)).toBe(true)
    expect(isDegenerate(new Uint8Array(96).fill(0xff))).toBe(true)
    expect(isDegenerate(keyOf(2n))).toBe(false)
    expect(isDegenerate(keyOf(-2n))).toBe(false)
  })

  it.each(DEGENERATE)('are refused by both sides before anything is computed: %s', (_name, number) => {
    for (const core of [acceptor(), initiator()]) {
      sent(core)
      core.receive(keyOf(number))
      expect(code(core)).toBe('mse/degenerate-key')
    }
  })
})

describe('an acceptor', () => {
  it('says nothing before it has a whole key', () => {
    const core = acceptor()
    core.receive(keyOf(2n).subarray(0, 95))
    expect(core.transmit()).toBeUndefined()
    core.receive(keyOf(2n).subarray(95))
    expect(sent(core).length).toBeGreaterThanOrEqual(96)
  })

  it.each([0, 1, 511, 512])('finds its mark behind %i bytes of padding', (pad) => {
    const core = acceptor()
    const { mark, mask, hide } = meet(core, pad)
    core.receive(concatBytes(mark, mask(SKEY), hide(ZERO, u32(3), u16(0), u16(0))))
    expect(outcome(core)).toMatchObject({ type: 'done', method: 'rc4', skey: SKEY, payload: none })
  })

  it('gives up after 628 bytes without its mark, not one earlier', () => {
    const core = acceptor()
    meet(core)
    core.receive(new Uint8Array(628 - 96 - 1))
    expect(core.poll()).toBeUndefined()
    core.receive(new Uint8Array(1))
    expect(code(core)).toBe('mse/no-sync')
  })

  it('does not look for its mark beyond 512 bytes of padding', () => {
    const core = acceptor()
    const { mark } = meet(core, 513)
    core.receive(mark)
    expect(code(core)).toBe('mse/no-sync')
  })

  type Script = (known: ReturnType<typeof meet>) => readonly Uint8Array[]
  const HOSTILE: readonly (readonly [string, string, Script])[] = [
    ['an unknown key', 'mse/unknown-skey', ({ mask }) => [mask(new Uint8Array(20))]],
    ['a wrong constant', 'mse/bad-verification', ({ mask }) => [mask(SKEY), new Uint8Array(14)]],
    ['no method', 'mse/no-common-method', ({ mask, hide }) => [mask(SKEY), hide(ZERO, u32(0), u16(0))]],
    [
      'methods nobody knows',
      'mse/no-common-method',
      ({ mask, hide }) => [mask(SKEY), hide(ZERO, u32(~3), u16(0))],
    ],
    ['a pad of 513', 'mse/pad-too-long', ({ mask, hide }) => [mask(SKEY), hide(ZERO, u32(2), u16(513))]],
    ['a pad of 65535', 'mse/pad-too-long', ({ mask, hide }) => [mask(SKEY), hide(ZERO, u32(2), u16(65_535))]],
    [
      'an initial payload of 4097',
      'mse/payload-too-long',
      ({ mask, hide }) => [mask(SKEY), hide(ZERO, u32(2), u16(0), u16(4097))],
    ],
    [
      'an initial payload of 65535',
      'mse/payload-too-long',
      ({ mask, hide }) => [mask(SKEY), hide(ZERO, u32(2), u16(512), new Uint8Array(512), u16(65_535))],
    ],
  ]
  it.each(HOSTILE)('closes on %s', (_name, expected, script) => {
    for (const size of [10_000, 1]) {
      const core = acceptor()
      const known = meet(core)
      const bytes = concatBytes(known.mark, ...script(known))
      for (let at = 0; at < bytes.length; at += size) core.receive(bytes.subarray(at, at + size))
      expect(code(core)).toBe(expected)
    }
  })

  it('takes the longest handshake there is', () => {
    const core = acceptor()
    const { mark, mask, hide } = meet(core, 512)
    const payload = new Uint8Array(4096).fill(7)
    const pad = new Uint8Array(512)
    core.receive(
      concatBytes(mark, mask(SKEY), hide(ZERO, u32(2), u16(512), pad, u16(4096), payload, Uint8Array.of(8))),
    )
    expect(outcome(core)).toMatchObject({ payload: concatBytes(payload, Uint8Array.of(8)) })
  })

  it.each([
    [3, ['rc4', 'plaintext'], 'rc4'],
    [3, ['plaintext', 'rc4'], 'plaintext'],
    [1, ['rc4', 'plaintext'], 'plaintext'],
    [2, ['plaintext', 'rc4'], 'rc4'],
    [0xffffffff, ['rc4'], 'rc4'],
    [1, ['rc4'], 'mse/no-common-method'],
    [2, ['plaintext'], 'mse/no-common-method'],
  ] as const)('that is provided %i and allows %j selects: %s', (provide, select, expected) => {
    const core = acceptor(select)
    const { mark, mask, hide, fromAcceptor } = meet(core)
    core.receive(concatBytes(mark, mask(SKEY), hide(ZERO, u32(provide), u16(0), u16(0))))
    const reply = sent(core)
    fromAcceptor.apply(reply, reply)
    const event = outcome(core)
    if (event?.type !== 'done') {
      expect(event?.code).toBe(expected)
      expect(reply).toEqual(none)
      return
    }
    expect(event.method).toBe(expected)
    expect(event.ciphers === undefined).toBe(expected === 'plaintext')
    const pad = reply.length - 14
    expect(reply.subarray(0, 12)).toEqual(concatBytes(ZERO, u32(expected === 'rc4' ? 2 : 1)))
    expect(reply.subarray(12, 14)).toEqual(u16(pad))
  })
})

describe('an initiator', () => {
  it.each([0, 1, 511, 512])('finds its mark behind %i bytes of padding', (pad) => {
    const core = initiator()
    const hide = answer(core, pad)
    core.receive(hide(ZERO, u32(2), u16(3), new Uint8Array(3), Uint8Array.of(5)))
    expect(outcome(core)).toMatchObject({ type: 'done', method: 'rc4', payload: Uint8Array.of(5) })
  })

  it('gives up after 616 bytes without its mark, not one earlier', () => {
    const core = initiator()
    answer(core)
    core.receive(new Uint8Array(616 - 96 - 1))
    expect(core.poll()).toBeUndefined()
    core.receive(new Uint8Array(1))
    expect(code(core)).toBe('mse/no-sync')
  })

  it('leaves what follows a selected plaintext as it is', () => {
    const core = initiator()
    const hide = answer(core)
    core.receive(concatBytes(hide(ZERO, u32(1), u16(0)), Uint8Array.of(5, 6)))
    expect(outcome(core)).toMatchObject({
      method: 'plaintext',
      ciphers: undefined,
      payload: Uint8Array.of(5, 6),
    })
  })

  it.each([
    ['nothing', 0, ['rc4', 'plaintext']],
    ['both', 3, ['rc4', 'plaintext']],
    ['what nobody knows', 4, ['rc4', 'plaintext']],
    ['the highest bit besides', 0x80000002, ['rc4', 'plaintext']],
    ['plaintext, which was not offered', 1, ['rc4']],
    ['RC4, which was not offered', 2, ['plaintext']],
  ] as const)('closes on a select of %s', (_name, select, provide) => {
    const core = initiator(provide)
    const hide = answer(core)
    core.receive(hide(ZERO, u32(select), u16(0)))
    expect(code(core)).toBe('mse/bad-select')
  })

  it.each([513, 65_535])('closes on a pad of %i', (pad) => {
    const core = initiator()
    const hide = answer(core)
    core.receive(hide(ZERO, u32(2), u16(pad)))
    expect(code(core)).toBe('mse/pad-too-long')
  })
})

describe('SkeyTable', () => {
  it('finds and forgets infohashes among thousands', () => {
    const table = new SkeyTable()
    const random = seededRandom(3)
    const hashes = Array.from({ length: 5_000 }, () => random.bytes(20))
    for (const hash of hashes) table.add(hash)
    for (const hash of hashes) expect(table.find(labelled('req2', hash))).toBe(hash)
    table.delete(hashes[7] as Uint8Array)
    expect(table.find(labelled('req2', hashes[7] as Uint8Array))).toBeUndefined()
    expect(table.find(new Uint8Array(20))).toBeUndefined()
    table.delete(new Uint8Array(20))
  })
})
