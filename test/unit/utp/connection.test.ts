import { describe, expect, it } from 'vitest'
import { twoHosts } from '../../support/utp-link.js'
import { packetOf as encode, Raw, REMOTE } from '../../support/utp-raw.js'

const bytes = (...values: number[]) => Uint8Array.from(values)

describe('opening', () => {
  it('a SYN, its answer, data with the ids of BEP 29', () => {
    const raw = new Raw()
    const connection = raw.endpoint.connect(REMOTE, raw.now)
    connection.write(bytes(1, 2, 3), 0, 3, raw.now)
    const [syn, ...rest] = raw.drain()
    expect(rest).toEqual([])
    expect(syn).toMatchObject({ type: 'syn', ack: 0, timestampDifference: 0, window: 1_048_576 })
    const answer = { type: 'state', connectionId: syn!.connectionId, seq: 100, ack: syn!.seq } as const
    // Deployed stacks do not count a STATE: their first data has its number.
    const [data] = raw.receive(answer)
    expect(data).toMatchObject({ type: 'data', seq: (syn!.seq + 1) & 0xffff, ack: 99 })
    expect(data!.connectionId).toBe((syn!.connectionId + 1) & 0xffff)
    expect(data!.payload).toEqual(bytes(1, 2, 3))
    expect(raw.story).toBe('connected')
  })

  it('SYNs after 1, 3, 7 and 15 s, and the end after 31', () => {
    const raw = new Raw()
    raw.endpoint.connect(REMOTE, raw.now)
    const first = raw.drain()
    const later = raw.pass(60_000)
    expect(later.map(({ type, at }) => [type, at])).toEqual(
      [2000, 4000, 8000, 16_000].map((at) => ['syn', at]),
    )
    expect(new Set([...first, ...later].map(({ seq, connectionId }) => `${seq} ${connectionId}`)).size).toBe(
      1,
    )
    expect(raw.story).toBe('closed utp/connect-timeout')
    expect(raw.endpoint.stats.connections).toBe(0)
  })

  it('an answer that does not acknowledge our SYN is none', () => {
    const raw = new Raw()
    raw.endpoint.connect(REMOTE, raw.now)
    const [syn] = raw.drain()
    raw.receive({ type: 'state', connectionId: syn!.connectionId, seq: 100, ack: syn!.seq + 1 })
    raw.receive({ type: 'data', connectionId: syn!.connectionId, seq: 100, ack: syn!.seq })
    expect(raw.story).toBe('')
  })

  it('a side with nothing to send proves its address all the same, three times at most', () => {
    const raw = new Raw()
    raw.connected()
    const sent = raw.pass(20_000)
    expect(sent.map(({ type, at }) => [type, at])).toEqual([
      ['state', 2000],
      ['state', 5000],
    ])
  })

  it('a SYN is answered with a STATE, twice when it comes twice, and told when it is confirmed', () => {
    const raw = new Raw()
    const syn = { type: 'syn', connectionId: 65_535, seq: 65_535, timestamp: 5 } as const
    const [state] = raw.receive(syn)
    expect(state).toMatchObject({
      type: 'state',
      connectionId: 65_535,
      ack: 65_535,
      timestampDifference: 999_995,
    })
    expect(raw.receive(syn)).toEqual([state])
    expect(raw.receive({ ...syn, seq: 7 })).toEqual([])
    expect(raw.story).toBe('')
    raw.receive({ connectionId: 0, seq: 0, ack: (state!.seq - 1) & 0xffff, payload: bytes(9) })
    expect(raw.story).toBe('incoming, readable')
    expect(raw.read).toEqual([9])
    // The same SYN, late: ignored.
    expect(raw.receive(syn)).toEqual([])
  })

  it('a spoofed SYN is sent 20 bytes, and forgotten after 10 s', () => {
    const raw = new Raw()
    expect(raw.receive({ type: 'syn', connectionId: 5, seq: 1 })).toHaveLength(1)
    expect(raw.endpoint.stats).toMatchObject({ connections: 1, unconfirmed: 1 })
    expect(raw.pass(10_001)).toEqual([])
    expect(raw.endpoint.stats).toMatchObject({ connections: 0, unconfirmed: 0 })
    expect(raw.story).toBe('')
  })

  it('refused by a RESET', () => {
    const raw = new Raw()
    raw.endpoint.connect(REMOTE, raw.now)
    const [syn] = raw.drain()
    raw.receive({ type: 'reset', connectionId: syn!.connectionId, ack: syn!.seq + 9 })
    expect(raw.story).toBe('')
    raw.receive({ type: 'reset', connectionId: syn!.connectionId, ack: syn!.seq })
    expect(raw.story).toBe('closed utp/refused')
  })
})

describe('acknowledging', () => {
  it('one packet after 40 ms, two at the end of the turn', () => {
    const raw = new Raw()
    const { id, ack } = raw.connected()
    expect(raw.receive({ connectionId: id, seq: 100, ack, payload: bytes(1) })).toEqual([])
    expect(raw.pass(100).map(({ type, ack: acked, at }) => [type, acked, at])).toEqual([['state', 100, 1040]])
    raw.endpoint.receive(packet(101), REMOTE, raw.now)
    raw.endpoint.receive(packet(102), REMOTE, raw.now)
    expect(raw.drain()).toEqual([])
    raw.endpoint.endOfTurn(raw.now)
    expect(raw.drain().map((sent) => sent.ack)).toEqual([102])
    expect(raw.read).toEqual([1, 101, 102])

    function packet(seq: number): Uint8Array {
      return encode({ connectionId: id, seq, ack, payload: bytes(seq) })
    }
  })

  it('a gap at once, with all that is behind it', () => {
    const raw = new Raw()
    const { id, ack } = raw.connected(65_534)
    raw.receive({ connectionId: id, seq: 65_534, ack, payload: bytes(1) })
    const masks = [0, 2, 7].map((seq) => raw.receive({ connectionId: id, seq, ack, payload: bytes(seq + 2) }))
    expect(masks.map(([state]) => [state?.ack, state?.selectiveAck])).toEqual([
      [65_534, bytes(1, 0, 0, 0)],
      [65_534, bytes(5, 0, 0, 0)],
      [65_534, bytes(0xa5 & 0x85, 0, 0, 0)],
    ])
    // Twice: again at once. Then the gap closes as far as 0.
    expect(raw.receive({ connectionId: id, seq: 2, ack, payload: bytes(4) })).toHaveLength(1)
    const [closed] = raw.receive({ connectionId: id, seq: 65_535, ack, payload: bytes(0) })
    expect(closed).toMatchObject({ ack: 0, selectiveAck: bytes(0b100001, 0, 0, 0) })
    expect(raw.read).toEqual([1, 0, 2])
  })

  it('every 29 s without need, so that NATs remember', () => {
    const raw = new Raw()
    raw.connected()
    const sent = raw.pass(100_000).filter(({ at }) => at > 6000)
    expect(sent.map(({ type, at }) => [type, at])).toEqual(
      [34_000, 63_000, 92_000].map((at) => ['state', at]),
    )
  })
})

describe('sending', () => {
  it('joins small writes while a small packet is under way', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    connection.write(bytes(1), 0, 1, raw.now)
    connection.write(bytes(2), 0, 1, raw.now)
    expect(raw.drain().map(({ payload }) => payload)).toEqual([bytes(1, 2)])
    connection.write(bytes(3), 0, 1, raw.now)
    expect(raw.drain()).toEqual([])
    connection.write(bytes(4, 5, 6), 1, 3, raw.now)
    expect(raw.drain()).toEqual([])
    const answer = raw.receive({ type: 'state', connectionId: id, seq, ack: (ack + 1) & 0xffff })
    expect(answer.map(({ payload }) => payload)).toEqual([bytes(3, 5, 6)])
    expect(connection.queued).toBe(3)
  })

  it('resends the oldest after silence, then doubles the wait, and gives up', () => {
    const raw = new Raw()
    const { connection } = raw.connected()
    connection.write(bytes(1), 0, 1, raw.now)
    expect(raw.drain()).toHaveLength(1)
    const sent = raw.pass(200_000).filter(({ type }) => type === 'data')
    const gaps = sent.slice(1).map(({ at }, i) => Math.round(at - sent[i]!.at))
    expect(gaps).toEqual([500, 1000, 2000, 4000, 8000])
    expect(new Set(sent.map(({ seq }) => seq)).size).toBe(1)
    expect(raw.story).toBe('connected, closed utp/timeout')
    expect(connection.write(bytes(1), 0, 1, raw.now)).toBe(0)
  })

  it('on a short path a remote that is busy for 40 ms has lost nothing; what is silent for longer is probed', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    // Round trips of a millisecond.
    for (let i = 0; i < 50; i++) {
      connection.write(bytes(i), 0, 1, raw.now)
      raw.drain()
      raw.now++
      raw.receive({ type: 'state', connectionId: id, seq, ack: (ack + 1 + i) & 0xffff })
    }
    connection.write(new Uint8Array(3000), 0, 3000, raw.now)
    expect(raw.drain().length).toBeGreaterThan(2)
    raw.now++
    expect(raw.receive({ type: 'state', connectionId: id, seq, ack: (ack + 51) & 0xffff })).toEqual([])
    expect(raw.pass(40)).toEqual([])
    expect(raw.pass(20)).toHaveLength(1)
    expect(connection.stats).toMatchObject({ resent: 1, timeouts: 0 })
  })

  it('three acknowledgements of the same packet bring the next one again', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    connection.write(new Uint8Array(3000), 0, 3000, raw.now)
    const [first] = raw.drain()
    const again = { type: 'state', connectionId: id, seq, ack } as const
    expect([raw.receive(again), raw.receive(again)]).toEqual([[], []])
    expect(raw.receive(again).map((sent) => sent.seq)).toContain(first!.seq)
  })

  it('a resent packet that is lost again is noticed by what was sent after it', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    connection.write(new Uint8Array(40_000), 0, 40_000, raw.now)
    const first = raw.drain()[0]!.seq
    let mask = 0n
    let highest = 0
    let sendings = 1
    // Everything but the first arrives, each time.
    for (let turn = 0; turn < 4; turn++) {
      for (let bit = 0; bit <= highest + 7 && bit < 60; bit++) mask |= 1n << BigInt(bit)
      highest += 8
      const selectiveAck = Uint8Array.from({ length: 8 }, (_, i) => Number((mask >> BigInt(8 * i)) & 255n))
      raw.now += 20
      const sent = raw.receive({ type: 'state', connectionId: id, seq, ack, selectiveAck })
      sendings += sent.filter((packet) => packet.seq === first).length
    }
    expect(sendings).toBeGreaterThanOrEqual(3)
    expect(connection.stats.timeouts).toBe(0)
  })

  it('probes a closed window, survives while it is answered, and goes on when it opens', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    const closed = { type: 'state', connectionId: id, seq, ack, window: 0 } as const
    raw.receive(closed)
    connection.write(bytes(1, 2, 3), 0, 3, raw.now)
    expect(raw.drain()).toEqual([])
    let probes = 0
    for (let i = 0; i < 600; i++) {
      const sent = raw.pass(1000).filter(({ type }) => type === 'data')
      probes += sent.length
      if (sent.length > 0) raw.receive(closed)
    }
    expect(probes).toBeGreaterThan(30)
    expect(probes).toBeLessThan(70)
    expect(raw.story).toBe('connected')
    const [data] = raw.receive({ ...closed, window: 10_000 })
    expect(data!.payload).toEqual(bytes(1, 2, 3))
    raw.receive({ ...closed, window: 10_000, ack: (ack + 1) & 0xffff })
    expect(connection.queued).toBe(0)
  })

  it('a closed window whose probes nobody answers ends the connection', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    raw.receive({ type: 'state', connectionId: id, seq, ack, window: 0 })
    connection.write(bytes(1), 0, 1, raw.now)
    raw.drain()
    raw.pass(200_000)
    expect(raw.story).toBe('connected, closed utp/timeout')
  })
})

describe('ending', () => {
  it('one side after the other: half-closed in between', () => {
    const { network, a, b } = twoHosts(1, {})
    const side = a.connect(b)
    side.endWithRemote = false
    b.onIncoming = (other) => {
      other.endWithRemote = false
    }
    side.send(5000, true)
    network.run(() => b.sides[0]?.ended === true, 10_000)
    const other = b.sides[0]!
    expect([other.received, side.ended, side.closed, other.closed]).toEqual([5000, false, false, false])
    other.send(100_000)
    network.run(() => side.received === 100_000, 10_000)
    expect([side.received, side.closed]).toEqual([100_000, false])
    other.end()
    network.run(() => side.closed && other.closed, 10_000)
    expect([side.ended, side.closed, side.code, other.closed, other.code]).toEqual([
      true,
      true,
      undefined,
      true,
      undefined,
    ])
  })

  it('the FIN has the number after the data, is resent, and nothing after it counts', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    connection.write(bytes(1), 0, 1, raw.now)
    connection.end(raw.now)
    connection.end(raw.now)
    expect(connection.write(bytes(2), 0, 1, raw.now)).toBe(0)
    const sent = raw.drain()
    expect(sent.map(({ type, seq: number }) => [type, number])).toEqual([
      ['data', (ack + 1) & 0xffff],
      ['fin', (ack + 2) & 0xffff],
    ])
    expect(raw.pass(1000).map(({ type }) => type)).toContain('fin')
    // The remote's FIN comes before its last data.
    raw.receive({ type: 'fin', connectionId: id, seq: seq + 1, ack: (ack + 2) & 0xffff })
    expect(raw.story).toBe('connected')
    raw.receive({ connectionId: id, seq: seq + 2, ack: (ack + 2) & 0xffff, payload: bytes(66) })
    const last = raw.receive({ connectionId: id, seq, ack: (ack + 2) & 0xffff, payload: bytes(7) })
    expect(last.at(-1)).toMatchObject({ type: 'state', ack: seq + 1 })
    expect(raw.read).toEqual([7])
    expect(raw.story).toBe('connected, readable, end, closed undefined')
    // Our acknowledgement was lost: the FIN comes again, and is acknowledged again.
    expect(
      raw.receive({ type: 'fin', connectionId: id, seq: seq + 1, ack: (ack + 2) & 0xffff }),
    ).toHaveLength(1)
    raw.pass(3001)
    expect(raw.endpoint.stats.connections).toBe(0)
    expect(raw.endpoint.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
  })

  it('destroy sends a RESET, which the other side believes', () => {
    const { network, a, b } = twoHosts(1, {})
    const side = a.connect(b)
    side.send(5000)
    network.run(() => b.sides[0]?.received === 5000, 10_000)
    side.connection.destroy(a.now)
    a.flush()
    expect([side.closed, side.code]).toEqual([true, 'utp/destroyed'])
    network.run(() => b.sides[0]!.closed, 10_000)
    expect(b.sides[0]!.code).toBe('utp/reset')
    expect([a.endpoint.stats.connections, b.endpoint.stats.connections]).toEqual([0, 0])
  })

  it('close of the endpoint ends all', () => {
    const { network, a, b } = twoHosts(1, {})
    const sides = [a.connect(b), a.connect(b), a.connect(b)]
    network.run(() => sides.every(({ connected }) => connected), 10_000)
    a.endpoint.close(a.now)
    a.flush()
    expect(sides.map(({ code }) => code)).toEqual(new Array(3).fill('utp/destroyed'))
    expect(a.endpoint.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
    network.run(() => b.sides.every(({ closed }) => closed), 10_000)
    expect(b.sides.map(({ code }) => code)).toEqual(new Array(b.sides.length).fill('utp/reset'))
  })
})

describe('back-pressure', () => {
  it('a reader that stops closes the window, and opens it by reading', () => {
    const { network, a, b } = twoHosts(3, { delay: 5 }, { delay: 5 }, { receiveBuffer: 100_000 })
    const side = a.connect(b)
    b.onIncoming = (other) => {
      other.paused = true
    }
    side.send(3_000_000, true)
    network.run(() => false, 120_000)
    const other = b.sides[0]!
    expect(other.received).toBe(0)
    expect(side.connection.stats.remoteWindow).toBeLessThan(1452)
    expect(side.written).toBeLessThan(500_000)
    expect([side.closed, side.toSend > 0]).toEqual([false, true])
    other.resume()
    const start = network.clock.now
    expect(network.run(() => side.closed, 20_000)).toBe(true)
    expect([other.received, other.wrongAt]).toEqual([3_000_000, -1])
    expect(network.clock.now - start).toBeLessThan(5000)
  })
})

describe('clocks', () => {
  /** Share of the link that is used after 20 s, in which the clock of the receiver jumps. */
  const use = (delay: number, ahead: number, drift: number, jump: number) => {
    const { network, a, b } = twoHosts(5, { delay, rate: 250_000, buffer: 200_000 }, { delay })
    b.clockAhead = ahead
    b.clockDrift = drift
    const side = a.connect(b)
    side.send(1e9)
    network.run(() => false, 20_000)
    b.clockAhead += jump
    const before = b.sides[0]!.received
    network.run(() => false, 60_000)
    expect(side.closed).toBe(false)
    return (b.sides[0]!.received - before) / 60 / 250_000
  }

  it.each([
    ['wrap', 25, 4_294_967.296 - 11_000, 0, 0],
    ['differ by days', 25, -1e9, 0, 0],
    ['drift by 3 in a thousand', 150, 0, 3e-3, 0],
    ['drift the other way', 150, 0, -3e-3, 0],
    ['jump ten minutes ahead', 150, 0, 0, 600_000],
    ['jump an hour back', 150, 0, 0, -3_600_000],
    ['jump 80 ms ahead', 25, 0, 0, 80],
  ])('%s: the link stays used', (_, delay, ahead, drift, jump) => {
    expect(use(delay, ahead, drift, jump)).toBeGreaterThan(0.85)
  })
})

it('numbers wrap on both sides', () => {
  const wrapping = { uint32: () => 0xffff_ffff, bytes: (length: number) => new Uint8Array(length) }
  const { network, a, b } = twoHosts(1, { loss: 0.02 }, { loss: 0.02 }, { random: wrapping })
  const side = a.connect(b)
  side.send(500_000, true)
  expect(network.run(() => side.closed, 120_000)).toBe(true)
  expect([b.sides[0]!.received, b.sides[0]!.wrongAt]).toEqual([500_000, -1])
})
