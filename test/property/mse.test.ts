import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nodeKeyExchange } from '../../src/net/peer/key-exchange.js'
import { concatBytes, toHex } from '../../src/util/bytes.js'
import { SkeyTable } from '../../src/wire/mse/keys.js'
import { type CryptoMethod, MseAcceptor, type MseEvent, MseInitiator } from '../../src/wire/mse/mse.js'
import { runs } from '../support/depth.js'
import { seededRandom } from '../support/random.js'

const SKEY = new Uint8Array(20).fill(5)
const methods = fc.constantFrom<readonly CryptoMethod[]>(
  ['rc4'],
  ['plaintext'],
  ['rc4', 'plaintext'],
  ['plaintext', 'rc4'],
)
/** Sizes of the chunks that bytes come in; the last one goes on for ever. */
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 700 })), {
  minLength: 1,
  maxLength: 50,
})

function pair(
  seed: number,
  provide: readonly CryptoMethod[],
  select: readonly CryptoMethod[],
  payload: Uint8Array,
) {
  const skeys = new SkeyTable()
  skeys.add(SKEY)
  const exchange = nodeKeyExchange
  const initiator = new MseInitiator({ random: seededRandom(seed), exchange, skey: SKEY, provide, payload })
  const acceptor = new MseAcceptor({
    random: seededRandom(seed + 1),
    exchange,
    select,
    find: (hash) => skeys.find(hash),
  })
  return { initiator, acceptor }
}

/** Hands bytes over in chunks, each in memory that is spoilt afterwards, as sockets do. */
function feeder(chunks: readonly number[]) {
  let turn = 0
  return (core: MseInitiator | MseAcceptor, bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) {
      const size = chunks[Math.min(turn++, chunks.length - 1)] as number
      const chunk = Buffer.from(bytes.subarray(at, at + size))
      core.receive(chunk)
      chunk.fill(0xee)
      at += size
    }
  }
}

function drain(core: MseInitiator | MseAcceptor): Uint8Array {
  const parts: Uint8Array[] = []
  for (let bytes = core.transmit(); bytes !== undefined; bytes = core.transmit()) parts.push(bytes)
  return concatBytes(...parts)
}

/** Runs a handshake; returns what was sent and how both sides ended. */
function run(
  seed: number,
  provide: readonly CryptoMethod[],
  select: readonly CryptoMethod[],
  payload: Uint8Array,
  chunks: readonly number[],
) {
  const { initiator, acceptor } = pair(seed, provide, select, payload)
  const feed = feeder(chunks)
  const log: string[] = []
  for (let round = 0; round < 3; round++) {
    for (const [from, to] of [
      [initiator, acceptor],
      [acceptor, initiator],
    ] as const) {
      const bytes = drain(from)
      log.push(toHex(bytes))
      feed(to, bytes)
    }
  }
  return { log, ends: [initiator.poll(), acceptor.poll()] as const }
}

/** An event without its ciphers, and the keystreams that they go on with. */
function told(event: MseEvent | undefined) {
  if (event?.type !== 'done') return event
  const { ciphers, ...rest } = event
  const next = (['incoming', 'outgoing'] as const).map((way) => {
    const bytes = new Uint8Array(16)
    ciphers?.[way].apply(bytes, bytes)
    return toHex(bytes)
  })
  return { ...rest, next }
}

describe('MSE', () => {
  it('comes to the same end however the bytes are split', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        methods,
        methods,
        fc.uint8Array({ maxLength: 200 }),
        sizes,
        (seed, provide, select, payload, chunks) => {
          const whole = run(seed, provide, select, payload, [100_000])
          const split = run(seed, provide, select, payload, chunks)
          expect(split.log).toEqual(whole.log)
          const [initiator, acceptor] = whole.ends.map(told)
          expect(split.ends.map(told)).toEqual([initiator, acceptor])
          const common = select.find((method) => provide.includes(method))
          if (common === undefined) {
            expect(acceptor).toMatchObject({ type: 'error', code: 'mse/no-common-method' })
            expect(initiator).toBeUndefined()
            return
          }
          expect(acceptor).toMatchObject({ type: 'done', method: common, skey: SKEY, payload })
          expect(initiator).toMatchObject({ type: 'done', method: common, skey: SKEY })
          if (initiator && 'next' in initiator && acceptor && 'next' in acceptor)
            expect(initiator.next).toEqual([...acceptor.next].reverse())
        },
      ),
      { numRuns: runs(30) },
    )
  })

  it('never throws, and ends in bounded time, on whatever arrives', () => {
    fc.assert(
      fc.property(fc.integer(), fc.uint8Array({ maxLength: 1_500 }), sizes, (seed, bytes, chunks) => {
        const { initiator, acceptor } = pair(seed, ['rc4'], ['rc4'], new Uint8Array(68))
        for (const core of [initiator, acceptor]) {
          feeder(chunks)(core, bytes)
          drain(core)
          // No more than its longest handshake until it has made up its mind.
          core.receive(new Uint8Array(700))
          expect(core.poll()?.type).toBe('error')
          expect(core.poll()).toBeUndefined()
        }
      }),
      { numRuns: runs(30) },
    )
  })

  it('ends in a code or in a handshake when single bytes change on their way', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1_400 }), fc.integer({ min: 1, max: 255 })), {
          minLength: 1,
          maxLength: 3,
        }),
        (seed, changes) => {
          const { initiator, acceptor } = pair(seed, ['rc4'], ['rc4'], new Uint8Array(68))
          let at = 0
          for (let round = 0; round < 3; round++) {
            const bytes = drain(initiator)
            for (const [where, what] of changes) {
              const index = where - at
              if (index >= 0 && index < bytes.length) bytes[index] = (bytes[index] as number) ^ what
            }
            at += bytes.length
            acceptor.receive(bytes)
            initiator.receive(drain(acceptor))
          }
          for (const core of [initiator, acceptor]) {
            core.poll()
            expect(core.poll()).toBeUndefined()
          }
        },
      ),
      { numRuns: runs(30) },
    )
  })
})
