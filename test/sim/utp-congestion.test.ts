/** What LEDBAT does to a link, to its own kind and to TCP, on simulated links from a seed. */
import { describe, expect, it } from 'vitest'
import { mean, percentile, record, TcpFlow } from '../support/utp-flows.js'
import { Network, type Side, twoHosts } from '../support/utp-link.js'

/** 50 kB/s with ten seconds of buffer behind it, 50 ms of way and back: bufferbloat. */
const BLOATED = { delay: 25, rate: 50_000, buffer: 500_000, jitter: 2 }

/** Two senders behind one link; `startSecond` ms after the first the second begins. Rates after `settle` ms more. */
function twoFlows(seed: number, startSecond: number, settle: number, measure: number) {
  const network = new Network(seed)
  const link = network.pipe({ delay: 25, rate: 250_000, buffer: 1_000_000, jitter: 2 })
  const back = network.pipe({ delay: 25, jitter: 2 })
  const [first, second, target] = [network.host(link), network.host(link), network.host(back)]
  const start = (host: typeof first): Side => {
    const side = host.connect(target)
    side.send(1e9)
    return side
  }
  const a = start(first)
  network.run(() => false, startSecond)
  const b = start(second)
  const samples = record(network.clock, link, 100, () =>
    [a, b].map((sender, i) => ({ sender, receiver: target.sides[i] })),
  )
  network.run(() => false, settle + measure)
  const steady = samples.filter(({ time }) => time * 1000 > settle)
  const rates = [0, 1].map((i) => mean(steady.map(({ flows }) => flows[i]?.rate ?? 0)))
  network.checkInvariants()
  return {
    rates,
    use: mean(steady.map(({ rate }) => rate)) / 250_000,
    queue: steady.map(({ queue }) => queue),
  }
}

describe('the queue before a slow link', () => {
  it.each([1, 2, 3])('stays under 150 ms in 95 of 100 samples while the link is used (seed %i)', (seed) => {
    const { network, a, b, there } = twoHosts(seed, BLOATED, { delay: 25, jitter: 2 })
    const side = a.connect(b)
    side.send(1e9)
    const samples = record(network.clock, there, 50, () => [{ sender: side, receiver: b.sides[0] }])
    network.run(() => false, 180_000)
    const queue = samples.map((sample) => sample.queue)
    const use = mean(samples.map(({ rate }) => rate)) / 50_000
    const { stats } = side.connection
    expect(percentile(queue, 0.95)).toBeLessThan(150)
    expect(use).toBeGreaterThan(0.9)
    expect(there.overflowed).toBe(0)
    expect(stats).toMatchObject({ resent: 0, timeouts: 0, lossCuts: 0 })
  })
})

describe('two flows on one link', () => {
  it.each([1, 2, 3])('started together share it within 20 % (seed %i)', (seed) => {
    const { rates, use, queue } = twoFlows(seed, 0, 20_000, 60_000)
    const [one = 0, two = 0] = rates
    expect(Math.max(one, two) / Math.min(one, two)).toBeLessThan(1.2)
    expect(use).toBeGreaterThan(0.9)
    expect(percentile(queue, 0.95)).toBeLessThan(150)
  })

  it.each([1, 2, 3])('started 30 s apart share it within 3 : 1 (seed %i)', (seed) => {
    const { rates, use, queue } = twoFlows(seed, 30_000, 30_000, 60_000)
    const [one = 0, two = 0] = rates
    expect(Math.max(one, two) / Math.min(one, two)).toBeLessThan(3)
    expect(use).toBeGreaterThan(0.9)
    // The later one learned of the path's own delay: the queue is not twice the target.
    expect(percentile(queue, 0.95)).toBeLessThan(150)
  })
})

it('who sends less than it may gains no window by it, at the start or later', () => {
  const { network, a, b } = twoHosts(1, { delay: 25, rate: 1_000_000, buffer: 100_000 })
  const side = a.connect(b)
  const trickle = () => {
    for (let i = 0; i < 300; i++) {
      network.run(() => false, 100)
      side.send(1_000)
    }
    network.run(() => false, 1_000)
    return side.connection.stats.window
  }
  // RFC 3390, and a packet that may have filled it.
  expect(trickle()).toBeLessThan(4380 + 1500)
  side.send(2_000_000)
  expect(network.run(() => side.connection.queued === 0, 60_000)).toBe(true)
  // The burst may end in slow start: a loss brings the steady phase.
  const { window } = side.connection.stats
  expect(trickle()).toBeLessThanOrEqual(window)
  expect(window).toBeGreaterThan(10_000)
})

it.each([1, 2, 3])('beside TCP on a link with 500 ms of buffer it takes less than 20 % (seed %i)', (seed) => {
  const network = new Network(seed)
  const link = network.pipe({ delay: 25, rate: 250_000, buffer: 125_000, jitter: 2 })
  const back = network.pipe({ delay: 25, jitter: 2 })
  const [sender, target] = [network.host(link), network.host(back)]
  const side = sender.connect(target)
  side.send(1e9)
  network.run(() => false, 10_000)
  const tcp = new TcpFlow(network, link, back)
  network.run(() => false, 10_000)
  const before = { utp: target.sides[0]!.received, tcp: tcp.delivered }
  network.run(() => false, 60_000)
  const ours = target.sides[0]!.received - before.utp
  const theirs = tcp.delivered - before.tcp
  expect(ours / (ours + theirs)).toBeLessThan(0.2)
  expect((ours + theirs) / 60 / 250_000).toBeGreaterThan(0.85)
  // Not starved either: one packet per round trip at least.
  expect(ours).toBeGreaterThan(60_000)
})
