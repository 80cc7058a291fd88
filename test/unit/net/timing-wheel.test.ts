import { describe, expect, it } from 'vitest'
import { TimingWheel } from '../../../src/net/timing-wheel.js'

interface Entry {
  name: string
}

function collect(wheel: TimingWheel<Entry>, now: number): string[] {
  const names: string[] = []
  wheel.run(now, (entry) => names.push(entry.name))
  return names
}

describe('TimingWheel', () => {
  it('hands an entry out once, never early, within its tick', () => {
    const wheel = new TimingWheel<Entry>(0)
    const a = { name: 'a' }
    wheel.schedule(a, 25)
    expect(wheel.nextTick).toBe(30)
    expect(collect(wheel, 29.9)).toEqual([])
    expect(collect(wheel, 30)).toEqual(['a'])
    expect(collect(wheel, 1_000)).toEqual([])
    expect(wheel.nextTick).toBe(Number.POSITIVE_INFINITY)
    expect(wheel.size).toBe(0)
  })

  it('replaces a deadline, earlier or later, and cancels', () => {
    const wheel = new TimingWheel<Entry>(5)
    const a = { name: 'a' }
    const b = { name: 'b' }
    wheel.schedule(a, 1_000)
    wheel.schedule(a, 50)
    wheel.schedule(b, 50)
    wheel.schedule(b, 70)
    expect(wheel.size).toBe(2)
    expect(collect(wheel, 60)).toEqual(['a'])
    wheel.cancel(b)
    wheel.cancel(b)
    expect(collect(wheel, 2_000)).toEqual([])
    wheel.schedule(a, 3_000)
    wheel.schedule(a, Number.POSITIVE_INFINITY)
    expect(wheel.nextTick).toBe(Number.POSITIVE_INFINITY)
  })

  it('takes times gone by and NaN as due in the next tick', () => {
    const wheel = new TimingWheel<Entry>(100)
    wheel.schedule({ name: 'past' }, 3)
    wheel.schedule({ name: 'nan' }, Number.NaN)
    expect(wheel.nextTick).toBe(110)
    expect(collect(wheel, 110).sort()).toEqual(['nan', 'past'])
  })

  it('keeps deadlines on every level and beyond', () => {
    const wheel = new TimingWheel<Entry>(0)
    const times = [10, 640, 40_960, 2_621_440, 167_772_160, 10_737_418_240, 30_000_000_000]
    for (const time of times) wheel.schedule({ name: String(time) }, time)
    let steps = 0
    const seen: string[] = []
    while (wheel.size > 0) {
      const now = wheel.nextTick
      expect(++steps).toBeLessThan(100)
      wheel.run(now, (entry) => {
        expect(now).toBe(Number(entry.name))
        seen.push(entry.name)
      })
    }
    expect(seen).toEqual(times.map(String))
  })

  it('lets the callback schedule and cancel', () => {
    const wheel = new TimingWheel<Entry>(0)
    const a = { name: 'a' }
    const b = { name: 'b' }
    const c = { name: 'c' }
    wheel.schedule(a, 10)
    wheel.schedule(b, 20)
    const seen: string[] = []
    wheel.run(40, (entry) => {
      seen.push(entry.name)
      if (entry === a) {
        wheel.cancel(b)
        wheel.schedule(c, 35)
        wheel.schedule(a, 1_000)
      }
    })
    expect(seen).toEqual(['a', 'c'])
    expect(wheel.size).toBe(1)
  })

  it('does not end in a loop when the callback is always due', () => {
    const wheel = new TimingWheel<Entry>(0)
    const a = { name: 'a' }
    wheel.schedule(a, 10)
    let calls = 0
    wheel.run(100, () => {
      calls++
      wheel.schedule(a, 0)
    })
    expect(calls).toBe(10)
  })
})
