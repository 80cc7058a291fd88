/** Remotes that lie, flood, stall or send rubbish: bounded, and without harm to others. */
import { describe, expect, it } from 'vitest'
import { Network, twoHosts } from '../../support/utp-link.js'
import { packetOf, Raw, REMOTE } from '../../support/utp-raw.js'

const bytes = (...values: number[]) => Uint8Array.from(values)

describe('numbers', () => {
  it('acknowledgements of what was never sent are dropped, with what comes with them', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    connection.write(bytes(1), 0, 1, raw.now)
    raw.drain()
    for (const lie of [2, 3, 1000, 30_000, 40_000])
      expect(raw.receive({ connectionId: id, seq, ack: (ack + lie) & 0xffff, payload: bytes(9) })).toEqual([])
    expect([raw.read, connection.queued, connection.stats.dropped]).toEqual([[], 1, 5])
    // A late one from before is only late.
    raw.receive({ connectionId: id, seq, ack: (ack - 100) & 0xffff, payload: bytes(9) })
    expect([raw.read, connection.queued]).toEqual([[9], 1])
  })

  it('sequence numbers far away hold nothing', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    for (const far of [4097, 10_000, 32_767, 32_769, 65_535])
      raw.receive({ connectionId: id, seq: (seq + far) & 0xffff, ack, payload: bytes(1) })
    const { dropped, duplicates } = connection.stats
    expect(dropped + duplicates).toBe(5)
    raw.receive({ connectionId: id, seq, ack, payload: bytes(7) })
    expect(raw.read).toEqual([7])
  })

  it.each([1, 2, 3, 5, 7, 255])('a selective ack of %i bytes, beyond all that was sent', (length) => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    connection.write(new Uint8Array(3000), 0, 3000, raw.now)
    const sent = raw.drain().length
    const packet = new Uint8Array(22 + length).fill(255)
    packet.set(packetOf({ type: 'state', connectionId: id, seq, ack }))
    packet.set([0, length], 20)
    packet[1] = 1
    raw.receive(packet)
    raw.receive(packet)
    const { inFlight } = connection.stats
    // Only the first was not named, and is lost.
    expect(connection.queued).toBeLessThanOrEqual(sent > 9 && length === 1 ? 3000 : 528)
    expect(inFlight).toBeLessThanOrEqual(connection.queued)
    raw.receive({ type: 'state', connectionId: id, seq, ack: (ack + sent) & 0xffff })
    expect(connection.queued).toBe(0)
  })

  it('a RESET has to know the id and a number near ours', () => {
    const raw = new Raw()
    const { id, ack } = raw.connected()
    for (let guess = 2; guess < 65_536 - 1024; guess += 97)
      raw.receive({ type: 'reset', connectionId: id, ack: (ack + guess) & 0xffff })
    for (let guess = 2; guess < 2000; guess++)
      raw.receive({ type: 'reset', connectionId: (id + guess) & 0xffff, ack })
    raw.receive({ type: 'reset', connectionId: id, ack }, { host: '192.0.2.9', port: 5000 })
    expect(raw.story).toBe('connected')
    raw.receive({ type: 'reset', connectionId: (id + 1) & 0xffff, ack })
    expect(raw.story).toBe('connected, closed utp/reset')
  })

  it('data after the end, and a second end, change nothing', () => {
    const raw = new Raw()
    const { id, ack, seq } = raw.connected()
    raw.receive({ type: 'fin', connectionId: id, seq: seq + 2, ack })
    raw.receive({ type: 'fin', connectionId: id, seq: seq + 1, ack })
    raw.receive({ type: 'fin', connectionId: id, seq: seq + 9, ack })
    raw.receive({ connectionId: id, seq: seq + 3, ack, payload: bytes(3) })
    raw.receive({ connectionId: id, seq: seq + 1, ack, payload: bytes(2) })
    raw.receive({ connectionId: id, seq, ack, payload: bytes(1) })
    expect(raw.read).toEqual([1, 2])
    expect(raw.story).toBe('connected, readable, end')
  })

  it('an end before packets that are here already is none', () => {
    const raw = new Raw()
    const { id, ack, seq } = raw.connected()
    raw.receive({ connectionId: id, seq: seq + 3, ack, payload: bytes(4) })
    raw.receive({ type: 'fin', connectionId: id, seq: seq + 1, ack })
    for (let i = 0; i < 3; i++) raw.receive({ connectionId: id, seq: seq + i, ack, payload: bytes(i + 1) })
    expect(raw.read).toEqual([1, 2, 3, 4])
  })
})

describe('floods', () => {
  it('of SYNs from spoofed addresses take a quarter of the connections, and real ones go on', () => {
    const raw = new Raw({ maxConnections: 100 })
    const { id, ack, seq } = raw.connected()
    for (let i = 0; i < 20_000; i++) {
      raw.endpoint.receive(
        packetOf({ type: 'syn', connectionId: i & 0xffff, seq: i & 0xffff }),
        { host: `10.${i & 255}.${(i >> 8) & 255}.1`, port: 1 + (i % 60_000) },
        raw.now,
      )
      if (i % 50 === 49) raw.drain()
    }
    expect(raw.endpoint.stats).toMatchObject({ connections: 26, unconfirmed: 25 })
    raw.receive({ connectionId: id, seq, ack, payload: bytes(1) })
    expect(raw.read).toEqual([1])
    // One that answers at once gets through the flood.
    const friend = { host: '192.0.2.77', port: 7 }
    const [state] = raw.receive({ type: 'syn', connectionId: 9, seq: 9 }, friend)
    raw.receive({ connectionId: 10, seq: 10, ack: (state!.seq - 1) & 0xffff, payload: bytes(2) }, friend)
    expect(raw.story).toBe('connected, readable, incoming, readable')
    raw.pass(10_001)
    expect(raw.endpoint.stats).toMatchObject({ connections: 2, unconfirmed: 0 })
  })

  it('of packets for nobody are answered with few RESETs, none of them with one', () => {
    const raw = new Raw()
    let resets = 0
    const flood = (count: number) => {
      for (let i = 0; i < count; i++) {
        const type = (['data', 'fin', 'state', 'reset'] as const)[i % 4]!
        resets += raw.receive(packetOf({ type, connectionId: i & 0xffff, seq: 7 }), {
          host: `10.0.${i & 255}.${i >> 8}`,
          port: 9,
        }).length
      }
    }
    flood(10_000)
    expect(resets).toBe(20)
    raw.pass(1000)
    flood(10_000)
    expect(resets).toBeLessThanOrEqual(40)
    expect(raw.endpoint.stats.connections).toBe(0)
  })

  it('a stranger is answered once, with its own numbers', () => {
    const raw = new Raw()
    const packet = packetOf({ type: 'data', connectionId: 77, seq: 1234, payload: bytes(1) })
    expect(raw.receive(packet)).toMatchObject([{ type: 'reset', connectionId: 77, ack: 1234 }])
    expect(raw.receive(packet)).toEqual([])
    raw.pass(3001)
    expect(raw.receive(packet)).toHaveLength(1)
  })

  it('connections end at the cap: ours are closed, those of others ignored, lingering ones make room', () => {
    const network = new Network(1)
    const pipe = network.pipe({ delay: 1 })
    const [a, b] = [network.host(pipe, { maxConnections: 3 }), network.host(pipe)]
    const sides = [a, a, a, a].map((host) => host.connect(b))
    network.run(() => false, 1000)
    expect(sides.map(({ code }) => code)).toEqual([
      undefined,
      undefined,
      undefined,
      'utp/too-many-connections',
    ])
    const incoming = b.connect(a)
    network.run(() => false, 40_000)
    expect(incoming.code).toBe('utp/connect-timeout')
    expect(a.endpoint.stats).toMatchObject({ connections: 3, refused: 5 })
    sides[0]!.end()
    network.run(() => sides[0]!.closed, 10_000)
    const next = a.connect(b)
    network.run(() => next.connected, 1000)
    expect(next.connected).toBe(true)
  })

  it('an address that the policy refuses gets no answer', () => {
    const raw = new Raw({ accept: ({ host }) => host !== REMOTE.host })
    expect(raw.receive({ type: 'syn', connectionId: 1, seq: 1 })).toEqual([])
    expect(raw.endpoint.stats).toMatchObject({ connections: 0, refused: 1 })
  })
})

describe('stalling', () => {
  it('a remote that acknowledges nothing holds little, and not for long', () => {
    const { network, a, b } = twoHosts(1, {})
    const side = a.connect(b)
    network.run(() => side.connected, 1000)
    network.tamper = (sent, from) => (from === b ? undefined : sent)
    side.send(100_000_000)
    const start = network.clock.now
    network.run(() => side.closed, 600_000)
    expect(side.code).toBe('utp/timeout')
    expect(side.written).toBeLessThan(100_000)
    expect(network.clock.now - start).toBeLessThan(60_000)
    expect(side.connection.queued).toBe(0)
  })

  it('a remote that repeats one acknowledgement for ever is no different', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    connection.write(new Uint8Array(3000), 0, 3000, raw.now)
    raw.drain()
    let sent = 0
    for (let i = 0; i < 1000 && !raw.story.includes('closed'); i++) {
      sent += raw.pass(100).length
      sent += raw.receive({ type: 'state', connectionId: id, seq, ack }).length
    }
    expect(raw.story).toBe('connected, closed utp/timeout')
    expect(sent).toBeLessThan(60)
  })

  it('a hole that is never filled holds no more than the window, and the budget counts for all', () => {
    const raw = new Raw({ receiveBuffer: 200_000, receiveBudget: 300_000 })
    const connections = [raw.connected(), raw.connected()]
    for (const { id, ack, seq } of connections)
      for (let i = 1; i < 3000; i++)
        raw.endpoint.receive(
          packetOf({ connectionId: id, seq: (seq + i) & 0xffff, ack, payload: new Uint8Array(1400) }),
          REMOTE,
          raw.now,
        )
    raw.endpoint.endOfTurn(raw.now)
    const states = raw.drain()
    expect(states).toHaveLength(2)
    // 142 packets of 1,400 bytes, then what is left of the budget for the other.
    const dropped = connections.map(({ connection }) => connection.stats.dropped)
    expect(dropped[0]).toBe(2999 - 142)
    expect(dropped[1]).toBeGreaterThan(2999 - 50)
    expect(states[0]!.window).toBeLessThan(1400 + 200_000 - 142 * 1400)
    expect(states[0]!.selectiveAck!.length).toBeLessThanOrEqual(20)
    // Both go on where the hole was.
    const { id, ack, seq } = connections[1]!
    raw.receive({ connectionId: id, seq, ack, payload: bytes(1) })
    expect(raw.read.length).toBeGreaterThan(0)
    for (const { connection } of connections) connection.destroy(raw.now)
    raw.drain()
    expect(raw.endpoint.stats.connections).toBe(0)
  })

  it('one byte a packet, in order and out of order', () => {
    const raw = new Raw()
    const { connection, id, ack, seq } = raw.connected()
    for (let i = 1; i < 10_000; i++)
      raw.endpoint.receive(
        packetOf({ connectionId: id, seq: (seq + i) & 0xffff, ack, payload: bytes(i) }),
        REMOTE,
        raw.now,
      )
    raw.endpoint.endOfTurn(raw.now)
    const [state] = raw.drain()
    expect(state!.selectiveAck).toHaveLength(128)
    expect(connection.stats.dropped).toBe(9999 - 4095)
    raw.receive({ connectionId: id, seq, ack, payload: bytes(0) })
    expect(raw.read).toEqual(Array.from({ length: 4096 }, (_, i) => i & 255))
    for (let i = 4096; i < 70_000; i++)
      raw.endpoint.receive(
        packetOf({ connectionId: id, seq: (seq + i) & 0xffff, ack, payload: bytes(i) }),
        REMOTE,
        raw.now,
      )
    raw.endpoint.endOfTurn(raw.now)
    raw.drain()
    expect(raw.read.length).toBe(70_000)
  })

  it('empty packets count, and are no end', () => {
    const raw = new Raw()
    const { id, ack, seq } = raw.connected()
    raw.receive({ connectionId: id, seq, ack })
    raw.receive({ connectionId: id, seq: seq + 1, ack, payload: bytes(1) })
    expect(raw.read).toEqual([1])
    expect(raw.story).toBe('connected, readable')
  })
})

it('what is no uTP packet is left to others', () => {
  const raw = new Raw()
  for (const text of ['', 'd1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe', 'x'.repeat(40)])
    expect(raw.endpoint.receive(Buffer.from(text), REMOTE, raw.now)).toBe(false)
  const chain = packetOf({ type: 'state', payload: bytes(1, 200, 3) })
  chain[1] = 1
  expect(raw.endpoint.receive(chain, REMOTE, raw.now)).toBe(false)
  expect(raw.drain()).toEqual([])
})

it('limits must be positive', () => {
  for (const name of ['maxConnections', 'receiveBuffer', 'receiveBudget', 'sendBuffer', 'maxDatagram'])
    expect(() => new Raw({ [name]: 0 })).toThrow(RangeError)
})
