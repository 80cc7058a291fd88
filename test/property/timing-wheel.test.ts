import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TimingWheel } from '../../src/net/timing-wheel.js'
import { runs } from '../support/depth.js'

const TICK = 10

/** Near, far, and around the borders of levels, so that moving down a level is met often. */
const delay = fc.oneof(
  fc.integer({ min: -50, max: 2_000 }),
  fc.integer({ min: 0, max: 100_000_000 }),
  fc
    .tuple(
      fc.constantFrom(640, 40_960, 2_621_440, 167_772_160, 10_737_418_240),
      fc.integer({ min: -30, max: 30 }),
    )
    .map(([border, off]) => border + off),
)

const operation = fc.oneof(
  fc.record({ kind: fc.constant('schedule' as const), entry: fc.nat(9), delay }),
  fc.record({ kind: fc.constant('cancel' as const), entry: fc.nat(9) }),
  fc.record({ kind: fc.constant('run' as const), delay: delay.map(Math.abs) }),
  fc.record({ kind: fc.constant('next' as const) }),
)

describe('TimingWheel against a list of deadlines', () => {
  it('hands out the same entries at the same calls', () => {
    fc.assert(
      fc.property(fc.nat(100_000_000), fc.array(operation, { maxLength: 60 }), (start, operations) => {
        const wheel = new TimingWheel<{ id: number }>(start)
        const entries = Array.from({ length: 10 }, (_, id) => ({ id }))
        const model = new Map<number, number>()
        let now = start
        for (const op of operations) {
          if (op.kind === 'schedule') {
            wheel.schedule(entries[op.entry]!, now + op.delay)
            const tick = Math.max(Math.ceil((now + op.delay) / TICK), Math.floor(now / TICK) + 1)
            model.set(op.entry, tick)
          } else if (op.kind === 'cancel') {
            wheel.cancel(entries[op.entry]!)
            model.delete(op.entry)
          } else {
            if (op.kind === 'run') now += op.delay
            else if (wheel.nextTick !== Number.POSITIVE_INFINITY) now = Math.max(now, wheel.nextTick)
            const due: number[] = []
            wheel.run(now, ({ id }) => due.push(id))
            const expected = [...model].filter(([, tick]) => tick * TICK <= now)
            for (const [id] of expected) model.delete(id)
            expect([...due].sort()).toEqual(expected.map(([id]) => id).sort())
            const ticks = due.map((id) => expected.find(([other]) => other === id)![1])
            expect(ticks).toEqual([...ticks].sort((a, b) => a - b))
          }
          expect(wheel.size).toBe(model.size)
          const earliest = Math.min(...model.values())
          expect(wheel.nextTick).toBeLessThanOrEqual(earliest * TICK)
          expect(wheel.nextTick).toBeGreaterThan(Math.floor(now / TICK) * TICK)
        }
      }),
      { numRuns: runs(100) },
    )
  })
})
