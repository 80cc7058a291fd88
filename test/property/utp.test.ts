/** uTP under any schedule of loss, duplicates, reordering and delay, and under any bytes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UtpEndpoint } from '../../src/utp/endpoint.js'
import { decodePacket, encodePacket, type UtpPacket } from '../../src/utp/packet.js'
import { Memory } from '../../src/utp/packet-pool.js'
import { ReceiveBuffer } from '../../src/utp/receive-buffer.js'
import { seededRandom } from '../support/random.js'
import { type PipeOptions, type Side, twoHosts } from '../support/utp-link.js'

const SECONDS = 30_000

const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const anyPacket: fc.Arbitrary<UtpPacket> = fc
  .record({
    type: fc.constantFrom('data', 'fin', 'state', 'reset', 'syn'),
    connectionId: u16,
    timestamp: u32,
    timestampDifference: u32,
    window: u32,
    seq: u16,
    ack: u16,
    mask: fc.option(fc.uint8Array({ minLength: 1, maxLength: 63 })),
    payload: fc.option(fc.uint8Array({ minLength: 1, maxLength: 1400 })),
  })
  .map(({ mask, payload, ...rest }) => ({
    ...rest,
    ...(mask === null
      ? {}
      : { selectiveAck: Uint8Array.from([...mask, ...new Array(3 - ((mask.length + 3) % 4)).fill(1)]) }),
    ...(payload === null ? {} : { payload }),
  }))

it('every packet survives writing and reading', () => {
  fc.assert(
    fc.property(anyPacket, (packet) => {
      expect(decodePacket(encodePacket(packet))).toEqual({ ok: true, value: packet })
    }),
  )
})

it('any bytes are read or refused with a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, uTP) => {
      if (uTP && bytes.length > 0) bytes[0] = 0x21
      const result = decodePacket(bytes)
      if (!result.ok) expect(result.error.code).toMatch(/^utp\/[a-z-]+$/)
    }),
    { numRuns: 500 },
  )
})

function pipe(loss: number): fc.Arbitrary<PipeOptions> {
  return fc.record(
    {
      delay: fc.integer({ min: 0, max: 200 }),
      loss: fc.double({ min: 0, max: loss, noNaN: true }),
      duplicate: fc.double({ min: 0, max: 0.3, noNaN: true }),
      jitter: fc.integer({ min: 0, max: 100 }),
      mtu: fc.integer({ min: 548, max: 1500 }),
      rate: fc.integer({ min: 20_000, max: 10_000_000 }),
    },
    { requiredKeys: ['delay', 'loss'] },
  )
}

const schedule = (loss: number) =>
  fc.record({
    seed: fc.integer(),
    there: pipe(loss),
    back: pipe(loss),
    bytes: fc.tuple(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 100_000 })),
    writes: fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 5 }),
    receiveBuffer: fc.constantFrom(5000, 50_000, 4_194_304),
    pauses: fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 3 }),
  })

type Schedule = typeof schedule extends (loss: number) => fc.Arbitrary<infer T> ? T : never

/** Both sides send and end; one of them stops reading now and then. */
function play({
  seed,
  there,
  back,
  bytes,
  writes,
  receiveBuffer,
  pauses,
}: Schedule): [Side, Side | undefined] {
  const { network, a, b } = twoHosts(seed, there, back, { receiveBuffer })
  const side = a.connect(b)
  side.writes = writes
  b.onIncoming = (other) => {
    other.writes = writes
    other.send(bytes[1], true)
    let at = network.clock.now
    for (const pause of pauses) {
      network.clock.at(at + pause, () => {
        other.paused = true
      })
      at += 2 * pause
      network.clock.at(at, () => other.resume())
    }
  }
  side.send(bytes[0], true)
  const over = () => side.closed && (b.sides[0]?.closed ?? true)
  for (let i = 0; i < 60 && !over(); i++) {
    network.run(over, SECONDS)
    network.checkInvariants()
  }
  return [side, b.sides[0]]
}

describe('any stream of writes', () => {
  it('arrives whole, in order and once, and the connection completes, at up to 5 % loss', () => {
    fc.assert(
      fc.property(schedule(0.05), (plan) => {
        const [side, other] = play(plan)
        expect([side.closed, side.code, other?.closed, other?.code]).toEqual([
          true,
          undefined,
          true,
          undefined,
        ])
        expect([other?.received, other?.wrongAt, side.received, side.wrongAt]).toEqual([
          plan.bytes[0],
          -1,
          plan.bytes[1],
          -1,
        ])
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  const changes = fc.array(
    fc.record({ after: fc.integer({ min: 0, max: 45_000 }), mtu: fc.integer({ min: 548, max: 1500 }) }),
    { minLength: 1, maxLength: 4 },
  )
  it('arrives whole or ends with an error, where the path MTU changes', () => {
    fc.assert(
      fc.property(schedule(0.05), changes, fc.integer({ min: 0, max: 45_000 }), (plan, steps, rest) => {
        const { network, a, b, there } = twoHosts(plan.seed, plan.there, plan.back)
        const side = a.connect(b)
        side.writes = plan.writes
        side.send(plan.bytes[0])
        let at = network.clock.now
        for (const { after, mtu } of steps) {
          at += after
          network.clock.at(at, () => {
            there.options = { ...there.options, mtu }
          })
        }
        // What is said after a rest is nothing that was cut before.
        network.run(() => side.closed, rest)
        side.send(plan.bytes[1], true)
        expect(network.run(() => side.closed, 3_600_000)).toBe(true)
        network.run(() => false, 60_000)
        network.checkInvariants()
        const other = b.sides[0]
        expect(other?.wrongAt ?? -1).toBe(-1)
        if (side.code === undefined) expect(other?.received).toBe(plan.bytes[0] + plan.bytes[1])
        else expect(['utp/timeout', 'utp/connect-timeout', 'utp/reset']).toContain(side.code)
      }),
      { numRuns: 60 },
    )
  }, 60_000)

  it('arrives whole or ends with an error, at up to 20 % loss', () => {
    fc.assert(
      fc.property(schedule(0.2), (plan) => {
        const [side, other] = play(plan)
        expect(side.closed).toBe(true)
        if (other !== undefined) expect(other.closed).toBe(true)
        expect([side.wrongAt, other?.wrongAt ?? -1]).toEqual([-1, -1])
        if (side.code === undefined) expect(other?.received).toBe(plan.bytes[0])
        if (other !== undefined && other.code === undefined) expect(side.received).toBe(plan.bytes[1])
      }),
      { numRuns: 40 },
    )
  }, 60_000)
})

it('mutated packets never throw, hang or grow memory, and do not corrupt what arrives', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.array(
        fc.record({
          nth: fc.integer({ min: 0, max: 20 }),
          at: fc.nat(60),
          value: fc.nat(255),
          cut: fc.nat(1500),
        }),
        {
          minLength: 1,
          maxLength: 20,
        },
      ),
      (seed, changes) => {
        const { network, a, b } = twoHosts(seed, { delay: 5 }, { delay: 5 }, { receiveBuffer: 100_000 })
        let count = 0
        let skip = changes[0]!.nth
        network.tamper = (bytes) => {
          if (skip-- > 0) return bytes
          const change = changes[count++ % changes.length]!
          skip = change.nth
          const changed = bytes.slice(0, change.cut < 100 ? change.cut : bytes.length)
          if (change.at < changed.length) changed[change.at] = change.value
          return changed
        }
        const side = a.connect(b)
        side.send(50_000, true)
        network.run(() => side.closed, 20_000)
        network.checkInvariants()
        for (const { endpoint } of [a, b]) {
          expect(endpoint.stats.connections).toBeLessThan(30)
          expect(endpoint.nextTimeout()).toBeGreaterThan(0)
        }
        expect(b.sides.every(({ received }) => received <= 50_000 + 20 * 1500)).toBe(true)
      },
    ),
    { numRuns: 100 },
  )
}, 60_000)

it('any datagrams in a row leave an endpoint whole', () => {
  const chaos = fc.oneof(
    { weight: 5, arbitrary: anyPacket.map(encodePacket) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) },
  )
  fc.assert(
    fc.property(fc.array(chaos, { maxLength: 200 }), fc.integer(), (datagrams, seed) => {
      const random = seededRandom(seed)
      const endpoint = new UtpEndpoint({ random, now: 0, maxConnections: 10 })
      const remote = { host: '10.0.0.2', port: 1 }
      const connection = endpoint.connect(remote, 0)
      connection.write(new Uint8Array(100_000), 0, 100_000, 0)
      let now = 0
      let sent = 0
      const drain = () => {
        for (let event = endpoint.poll(); event !== undefined; event = endpoint.poll())
          if (event.type === 'readable') while (event.connection.read(now) !== undefined);
        while (endpoint.transmit(now) !== undefined) if (sent++ > 100_000) throw new Error('endless sending')
      }
      drain()
      for (const datagram of datagrams) {
        now += random.uint32() % 100
        // Half of them hit ids and numbers that mean something.
        if (datagram.length >= 20 && random.uint32() % 2 === 0) datagram[2] = 0
        endpoint.receive(datagram, remote, now)
        endpoint.endOfTurn(now)
        drain()
        endpoint.checkInvariants()
        if (now >= endpoint.nextTimeout()) endpoint.timeout(now)
        drain()
      }
      for (let wakes = 0; wakes < 2000 && endpoint.stats.connections > 0; wakes++) {
        now = Math.max(now, endpoint.nextTimeout())
        endpoint.timeout(now)
        drain()
        endpoint.checkInvariants()
      }
      expect(endpoint.stats.connections).toBeLessThanOrEqual(10)
    }),
    { numRuns: 200 },
  )
}, 60_000)

it('the receive buffer gives what a simple model gives', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('packet' as const), seq: fc.integer({ min: 0, max: 40 }) }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('read' as const), seq: fc.constant(0) }) },
  )
  fc.assert(
    fc.property(
      u16,
      fc.array(step, { maxLength: 300 }),
      fc.array(fc.integer({ min: 0, max: 1400 }), { minLength: 41, maxLength: 41 }),
      (first, steps, sizes) => {
        const memory = new Memory(1_000_000)
        const buffer = new ReceiveBuffer(memory, 20_000)
        buffer.ack = (first - 1) & 0xffff
        const payloads = sizes.map((size, i) => new Uint8Array(size).fill(i))
        const read: number[] = []
        for (const { kind, seq } of steps) {
          if (kind === 'packet') {
            const payload = payloads[seq]!
            buffer.accept((first + seq) & 0xffff, false, payload, 0, payload.length)
          } else
            for (let chunk = buffer.read(); chunk !== undefined; chunk = buffer.read()) read.push(...chunk)
          buffer.checkInvariants()
          expect(buffer.window).toBeLessThanOrEqual(20_000)
        }
        for (let chunk = buffer.read(); chunk !== undefined; chunk = buffer.read()) read.push(...chunk)
        const count = (buffer.ack - first + 1) & 0xffff
        expect(read).toEqual(payloads.slice(0, count).flatMap((payload) => [...payload]))
        buffer.clear()
        expect(memory.held).toBe(0)
      },
    ),
    { numRuns: 200 },
  )
})
