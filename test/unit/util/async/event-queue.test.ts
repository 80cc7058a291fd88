import { describe, expect, it } from 'vitest'
import { EventQueue } from '../../../../src/util/async/event-queue.js'

/** A queue whose turns are run by hand. */
function queue() {
  const turns: (() => void)[] = []
  const events = new EventQueue((call) => turns.push(call))
  return { events, turns, turn: () => turns.shift()?.() }
}

describe('event queue', () => {
  it('calls in a later turn, in order, one turn for all', () => {
    const { events, turns, turn } = queue()
    const told: number[] = []
    for (const n of [1, 2, 3]) events.push(() => told.push(n))
    expect(told).toEqual([])
    expect(turns).toHaveLength(1)
    turn()
    expect(told).toEqual([1, 2, 3])
    expect(turns).toEqual([])
  })

  it('lets what a call throws out of the turn, and makes the other calls in the next', () => {
    const { events, turn, turns } = queue()
    const told: number[] = []
    for (const n of [1, 2, 3, 4])
      events.push(() => {
        told.push(n)
        if (n % 2 === 0) throw new Error(`no ${n}`)
      })
    expect(turn).toThrow('no 2')
    expect(told).toEqual([1, 2])
    expect(turn).toThrow('no 4')
    expect(told).toEqual([1, 2, 3, 4])
    expect(turns).toEqual([])
  })

  it('has a turn of its own for what the calls bring about', () => {
    const { events, turn, turns } = queue()
    let told = 0
    const again = () => {
      told++
      events.push(again)
    }
    events.push(again)
    for (let n = 1; n <= 5; n++) {
      turn()
      expect(told).toBe(n)
      expect(turns).toHaveLength(1)
    }
  })

  it('says when all was told, also after a call that threw', async () => {
    const events = new EventQueue((call) => {
      setImmediate(() => {
        try {
          call()
        } catch {
          // The test's own.
        }
      })
    })
    const told: number[] = []
    for (let n = 0; n < 1_000; n++)
      events.push(() => {
        told.push(n)
        if (n % 3 === 0) throw new Error('thrown')
      })
    await events.flushed()
    expect(told).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
  })
})
