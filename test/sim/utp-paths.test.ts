/** What uTP sends on simulated paths: packets, resends and time-outs are counted, from a seed. */
import { describe, expect, it } from 'vitest'
import { Network, type PipeOptions, twoHosts } from '../support/utp-link.js'

/** Sends `bytes` from a to b, both ending after it; gives what the sender counted. */
function transfer(seed: number, bytes: number, there: PipeOptions, back: PipeOptions = there) {
  const { network, a, b, ...pipes } = twoHosts(seed, there, back)
  const side = a.connect(b)
  side.send(bytes, true)
  const start = network.clock.now
  expect(network.run(() => side.closed && b.sides[0]?.closed === true, 1_000_000)).toBe(true)
  const seconds = (network.clock.now - start) / 1000
  network.checkInvariants()
  const other = b.sides[0]!
  expect({ received: other.received, wrongAt: other.wrongAt }).toEqual({ received: bytes, wrongAt: -1 })
  expect([side.code, other.code]).toEqual([undefined, undefined])
  // Lingering connections go by themselves.
  network.run(() => false, 5000)
  expect([a.endpoint.stats.connections, b.endpoint.stats.connections]).toEqual([0, 0])
  expect([a.endpoint.nextTimeout(), b.endpoint.nextTimeout()]).toEqual([
    Number.POSITIVE_INFINITY,
    Number.POSITIVE_INFINITY,
  ])
  const { stats } = side.connection
  return { stats, seconds, rate: bytes / seconds, acks: other.connection.stats.packetsSent, ...pipes }
}

const PAYLOAD = 1452

it('a clean path: no packet twice, one acknowledgement a turn', () => {
  const bytes = 10_000_000
  const { stats, acks, seconds } = transfer(1, bytes, { delay: 10 })
  expect(stats).toMatchObject({
    resent: 0,
    timeouts: 0,
    lossCuts: 0,
    probesSent: 1,
    probesLost: 0,
    mtu: 1472,
  })
  // SYN, the first packets before the path is known to carry 1,472 bytes, data, FIN, last acknowledgement.
  expect(stats.packetsSent).toBeLessThan(bytes / PAYLOAD + 100)
  expect(acks).toBeLessThan(30)
  expect(seconds).toBeLessThan(0.5)
})

it('a round trip of 300 ms: no packet twice, and the window opens to all that the remote takes', () => {
  const { stats, seconds } = transfer(1, 20_000_000, { delay: 150 })
  expect(stats).toMatchObject({ resent: 0, timeouts: 0, lossCuts: 0 })
  expect(stats.rtt).toBeCloseTo(300, 0)
  // Ten doublings from 4 kB to 4 MB, then five windows of 4 MiB.
  expect(seconds).toBeLessThan(15 * 0.3 + 2)
})

describe.each([1, 2, 3])('seed %i', (seed) => {
  it('1 % loss: little more than what was lost is sent again, no time-outs', () => {
    const { stats, there, rate } = transfer(seed, 10_000_000, { delay: 10, loss: 0.01 })
    expect(there.lost).toBeGreaterThan(30)
    expect(stats.resent).toBeLessThanOrEqual(there.lost + 15)
    expect(stats.timeouts).toBe(0)
    expect(stats.lossCuts).toBeLessThanOrEqual(there.lost)
    // Mathis: 1.2 packets / (round trip * sqrt(loss)) is about 0.9 MB/s.
    expect(rate).toBeGreaterThan(600_000)
  })

  it('5 % loss: the same, with few time-outs', () => {
    const { stats, there, rate } = transfer(seed, 3_000_000, { delay: 10, loss: 0.05 })
    expect(there.lost).toBeGreaterThan(60)
    expect(stats.resent).toBeLessThanOrEqual(there.lost + 40)
    expect(stats.timeouts).toBeLessThanOrEqual(10)
    expect(rate).toBeGreaterThan(150_000)
  })

  it('reordering and duplicates: resends stay few, nothing arrives twice', () => {
    const { stats } = transfer(seed, 3_000_000, { delay: 20, jitter: 2, duplicate: 0.1, rate: 2_000_000 })
    expect(stats.timeouts).toBe(0)
    expect(stats.resent / stats.packetsSent).toBeLessThan(0.05)
  })
})

describe('the path MTU', () => {
  it.each([600, 1000, 1300, 1400, 1457])(
    'a black hole above %i bytes is found, and costs no window',
    (mtu) => {
      const { stats, there } = transfer(1, 3_000_000, { delay: 10, mtu })
      expect(stats.mtu).toBeLessThanOrEqual(mtu)
      expect(stats.mtu).toBeGreaterThan(mtu - 16)
      // Only probes ran into it, each size at most twice, in a binary search.
      expect(there.tooLong).toBe(stats.probesLost)
      expect(stats.resent).toBe(stats.probesLost)
      expect(stats.probesSent).toBeLessThanOrEqual(20)
      expect(stats).toMatchObject({ lossCuts: 0, timeouts: 0 })
    },
  )

  it('nothing above the smallest is asked of a path that carries no more', () => {
    const { stats } = transfer(1, 300_000, { delay: 10, mtu: 548 })
    expect(stats).toMatchObject({ mtu: 548, lossCuts: 0, timeouts: 0 })
  })

  /** Sends 3 MB, without the n-th datagrams from the sender that are longer than a small packet. */
  function without(lost: readonly number[], there: PipeOptions): number {
    const { network, a, b } = twoHosts(1, there)
    let long = 0
    network.tamper = (bytes, from) =>
      from === a && bytes.length > 548 && lost.includes(++long) ? undefined : bytes
    const side = a.connect(b)
    side.send(3_000_000, true)
    expect(network.run(() => side.closed, 60_000)).toBe(true)
    expect([side.code, b.sides[0]?.received, b.sides[0]?.wrongAt]).toEqual([undefined, 3_000_000, -1])
    return side.connection.stats.mtu
  }

  it('the largest size is tried once, since a system may cut the next one into fragments', () => {
    const mtu = without([1], { delay: 10 })
    expect(mtu).toBeLessThan(1464)
    expect(mtu).toBeGreaterThan(1440)
  })

  it('a smaller one that is lost by chance is tried again', () => {
    expect(without([2], { delay: 10, mtu: 1300 })).toBeGreaterThan(1300 - 16)
  })

  /** A transfer that is under way, with full packets. */
  function under(seed: number, bytes: number) {
    const hosts = twoHosts(seed, { delay: 10, rate: 1_000_000 })
    const side = hosts.a.connect(hosts.b)
    side.send(bytes)
    hosts.network.run(() => false, 1_000)
    expect(side.connection.stats.mtu).toBe(1472)
    return { ...hosts, side, other: hosts.b.sides[0]! }
  }

  it('a black hole that comes while nothing is said is found by what is said next', () => {
    const { network, there, side, other } = under(1, 500_000)
    expect([other.received, side.connection.queued]).toEqual([500_000, 0])
    network.run(() => false, 40_000)
    there.options = { ...there.options, mtu: 1000 }
    side.send(500_000)
    expect(network.run(() => other.received === 1_000_000, 5_000)).toBe(true)
    const { stats } = side.connection
    expect(stats).toMatchObject({ timeouts: 0, lossCuts: 0 })
    expect(there.tooLong).toBe(stats.probesLost)
    side.send(3_000_000, true)
    expect(network.run(() => side.closed, 30_000)).toBe(true)
    expect(side.connection.stats.mtu).toBeGreaterThan(1000 - 16)
    expect([other.received, other.wrongAt, side.code]).toEqual([4_000_000, -1, undefined])
    network.checkInvariants()
  })

  it('what is said now and then is probed with once in half a minute, and cut no smaller', () => {
    const { network, side, other } = under(1, 500_000)
    const before = side.connection.stats
    for (let i = 0; i < 120; i++) {
      network.run(() => false, 1_000)
      side.send(1_000)
    }
    network.run(() => false, 1_000)
    const { stats } = side.connection
    expect(other.received).toBe(620_000)
    expect(stats.probesSent - before.probesSent).toBe(3)
    expect(stats.packetsSent - before.packetsSent).toBeLessThanOrEqual(120 + 3 + 2)
    expect(stats).toMatchObject({ mtu: 1472, resent: 0, timeouts: 0 })
  })

  it('a black hole for three seconds in the middle of a transfer is survived', () => {
    const { network, there, side, other } = under(1, 5_000_000)
    there.options = { ...there.options, mtu: 1000 }
    network.run(() => false, 3_000)
    network.checkInvariants()
    // What waits is cut small by now; what was sent is not.
    expect(side.connection.stats).toMatchObject({ mtu: 548, timeouts: 2 })
    there.options = { ...there.options, mtu: 1472 }
    side.end()
    expect(network.run(() => side.closed, 60_000)).toBe(true)
    expect(side.connection.stats.mtu).toBe(1472)
    expect([other.received, other.wrongAt, side.code]).toEqual([5_000_000, -1, undefined])
  })

  it('where what was sent passes in fragments after all, the rest goes in small packets', () => {
    const { network, a, side, other } = under(1, 5_000_000)
    const sent = new Set<number>()
    let fragments = false
    network.tamper = (bytes, from) => {
      if (from !== a || bytes.length <= 1000) return bytes
      const seq = ((bytes[16] as number) << 8) | (bytes[17] as number)
      if (!fragments) sent.add(seq)
      return fragments && sent.has(seq) ? bytes : undefined
    }
    network.run(() => false, 3_000)
    fragments = true
    side.end()
    expect(network.run(() => side.closed, 60_000)).toBe(true)
    expect([side.code, other.received, other.wrongAt]).toEqual([undefined, 5_000_000, -1])
    expect(side.connection.stats.mtu).toBeGreaterThan(1000 - 16)
    expect(side.connection.stats.mtu).toBeLessThanOrEqual(1000)
  })

  it('a black hole that stays ends the transfer; what arrived is right, and the next one passes', () => {
    const { network, there, a, b, side, other } = under(1, 5_000_000)
    there.options = { ...there.options, mtu: 1000 }
    expect(network.run(() => side.closed, 60_000)).toBe(true)
    network.run(() => false, 10_000)
    expect([side.code, other.code, other.wrongAt]).toEqual(['utp/timeout', 'utp/reset', -1])
    expect(side.connection.stats.timeouts).toBeLessThanOrEqual(6)
    expect(other.received).toBeLessThan(5_000_000)
    const again = a.connect(b)
    again.send(3_000_000, true)
    expect(network.run(() => again.closed, 30_000)).toBe(true)
    expect([again.code, b.sides[1]?.received, b.sides[1]?.wrongAt]).toEqual([undefined, 3_000_000, -1])
    expect(again.connection.stats.mtu).toBeGreaterThan(1000 - 16)
  })

  it.each([
    [1500, 1452],
    [1300, 1300],
    [1232, 1232],
  ])('IPv6 carries at least 1,232 bytes, at most 1,452 are asked: %i give %i', (mtu, most) => {
    const network = new Network(1)
    const pipe = network.pipe({ delay: 10, mtu })
    const [a, b] = [network.host(pipe, {}, 6), network.host(pipe, {}, 6)]
    const side = a.connect(b)
    side.send(1_000_000, true)
    expect(network.run(() => side.closed, 60_000)).toBe(true)
    const { stats } = side.connection
    expect(stats).toMatchObject({ timeouts: 0, lossCuts: 0 })
    expect(stats.mtu).toBeLessThanOrEqual(most)
    expect(stats.mtu).toBeGreaterThan(most - 16)
    expect(stats.resent).toBe(stats.probesLost)
    expect([side.code, b.sides[0]?.received, b.sides[0]?.wrongAt]).toEqual([undefined, 1_000_000, -1])
  })

  it('loss does not pass for a short path', () => {
    const sizes = [1, 2, 3, 4, 5].map(
      (seed) => transfer(seed, 1_000_000, { delay: 10, loss: 0.05 }).stats.mtu,
    )
    expect(sizes.filter((mtu) => mtu > 1440).length).toBeGreaterThanOrEqual(4)
  })
})

it('a queue of one packet: whole, half of what is sent arrives at least, no time-outs after the start', () => {
  const { stats, there, rate } = transfer(
    1,
    1_000_000,
    { delay: 10, rate: 50_000, buffer: 1500 },
    { delay: 10 },
  )
  expect(there.overflowed).toBeGreaterThan(100)
  expect(stats.resent).toBe(there.overflowed)
  expect(stats.resent / stats.packetsSent).toBeLessThan(0.5)
  expect(stats.timeouts).toBeLessThanOrEqual(5)
  expect(rate).toBeGreaterThan(15_000)
})
