import { describe, expect, it } from 'vitest'
import { Scheduler } from '../../../src/net/scheduler.js'
import { VirtualNetwork } from '../../../src/testing/index.js'

function setUp() {
  const network = new VirtualNetwork({ seed: 1 })
  const host = network.host()
  const scheduler = new Scheduler(host.world)
  const ran: [string, number][] = []
  const task = (name: string, then?: () => void) => ({
    run(now: number) {
      ran.push([name, now])
      then?.()
    },
  })
  return { network, host, scheduler, ran, task }
}

describe('Scheduler', () => {
  it('runs tasks never early and at most 10 ms late, with one timer', async () => {
    const { network, host, scheduler, ran, task } = setUp()
    const times = [1, 5, 10, 11, 99, 100, 101, 5_000, 5_001, 70_000]
    for (const at of times) scheduler.schedule(task(String(at)), at)
    expect(host.open).toEqual(['timer'])
    await network.advance(80_000)
    expect(ran.map(([name]) => Number(name)).sort((a, b) => a - b)).toEqual(times)
    for (const [name, now] of ran) {
      expect(now).toBeGreaterThanOrEqual(Number(name))
      expect(now).toBeLessThanOrEqual(Number(name) + 11)
    }
    expect(host.open).toEqual([])
  })

  it('keeps one time for a task: the last one', async () => {
    const { network, scheduler, ran, task } = setUp()
    const late = task('late')
    const early = task('early')
    scheduler.schedule(late, 100)
    scheduler.schedule(late, 500)
    scheduler.schedule(early, 500)
    scheduler.schedule(early, 100)
    await network.advance(50)
    expect(ran).toEqual([])
    await network.advance(100)
    expect(ran.map(([name]) => name)).toEqual(['early'])
    await network.advance(1_000)
    expect(ran.map(([name]) => name)).toEqual(['early', 'late'])
  })

  it('forgets a task that is cancelled or put off for ever', async () => {
    const { network, host, scheduler, ran, task } = setUp()
    const first = task('first')
    const second = task('second')
    scheduler.schedule(first, 100)
    scheduler.schedule(second, 100)
    scheduler.cancel(first)
    scheduler.cancel(first)
    scheduler.schedule(second, Number.POSITIVE_INFINITY)
    await network.advance(1_000)
    expect(ran).toEqual([])
    expect(host.open).toEqual([])
  })

  it('lets tasks schedule and cancel each other while they run', async () => {
    const { network, scheduler, ran, task } = setUp()
    const victim = task('victim')
    let rounds = 0
    const again = task('again', () => {
      scheduler.cancel(victim)
      if (++rounds < 5) scheduler.schedule(again, network.now + 100)
    })
    scheduler.schedule(again, 100)
    scheduler.schedule(victim, 130)
    await network.advance(10_000)
    expect(ran.map(([name]) => name)).toEqual(['again', 'again', 'again', 'again', 'again'])
  })

  it('runs at once what is in the past', async () => {
    const { network, scheduler, ran, task } = setUp()
    await network.advance(1_000)
    scheduler.schedule(task('past'), 10)
    await network.advance(20)
    expect(ran).toHaveLength(1)
  })

  it('drops everything when it closes, also from inside a task', async () => {
    const { network, host, scheduler, ran, task } = setUp()
    scheduler.schedule(
      task('closer', () => scheduler.close()),
      100,
    )
    scheduler.schedule(task('later'), 200)
    await network.advance(1_000)
    scheduler.schedule(task('never'), 1_100)
    await network.advance(1_000)
    expect(ran.map(([name]) => name)).toEqual(['closer'])
    expect(host.open).toEqual([])
  })
})
