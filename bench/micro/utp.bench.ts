/**
 * The uTP core without sockets: endpoint to endpoint in turns of 32 datagrams, as a socket delivers them.
 * Reports nanoseconds per packet of each side, what an acknowledgement costs, and what idle connections
 * cost in memory and time.
 */
import type { Address } from '../../src/util/address.js'
import { UtpEndpoint } from '../../src/utp/endpoint.js'
import type { UtpConnection, UtpDatagram } from '../../src/utp/types.js'
import { seededRandom } from '../../test/support/random.js'

const TURN = 32
const BYTES = 512 * 1024 * 1024
const BLOCK = 16_384
const ROUNDS = 5
const IDLE = 2000

const a: Address = { host: '10.0.0.1', port: 6881 }
const b: Address = { host: '10.0.0.2', port: 6881 }

/** Rows of the report: medians of the rounds. */
export const rows: { name: string; median: number; p99: number }[] = []

{
  const sender: number[] = []
  const receiver: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const figures = transfer(round)
    sender.push(figures.sender)
    receiver.push(figures.receiver)
    if (round === 0) console.log(`${figures.packets} packets of data, ${figures.acks} acknowledgements`)
  }
  add('send a packet of 1,452 bytes, with its share of acknowledgements', sender.slice(1))
  add('receive it, and read it in order', receiver.slice(1))
}
idle()

/** ns per packet of data on each side. */
function transfer(seed: number): { sender: number; receiver: number; packets: number; acks: number } {
  let now = 1000
  const sending = new UtpEndpoint({ random: seededRandom(seed + 1), now })
  const receiving = new UtpEndpoint({ random: seededRandom(seed + 100), now })
  const connection = sending.connect(b, now)
  const block = new Uint8Array(BLOCK)
  const pool = Array.from({ length: TURN }, () => Buffer.alloc(1500))
  let offered = 0
  let blockAt = 0
  let received = 0
  let packets = 0
  let acks = 0
  let senderTime = 0
  let receiverTime = 0
  /** Writes blocks until the buffer is full. */
  const fill = () => {
    while (offered < BYTES) {
      const taken = connection.write(block, blockAt, BLOCK, now)
      offered += taken
      blockAt = (blockAt + taken) % BLOCK
      if (taken === 0 || blockAt !== 0) return
    }
  }
  const turn: Buffer[] = []
  const copy = (out: UtpDatagram) => {
    const target = pool[turn.length] as Buffer
    target.set(out.bytes)
    turn.push(target.subarray(0, out.bytes.length))
  }
  /** A socket hands out at most 32 datagrams a turn. */
  const fly = (from: UtpEndpoint) => {
    turn.length = 0
    while (turn.length < TURN) {
      const out = from.transmit(now)
      if (out === undefined) break
      copy(out)
    }
  }
  while (received < BYTES) {
    now += 0.05
    let start = performance.now()
    for (let event = sending.poll(); event !== undefined; event = sending.poll()) fill()
    fly(sending)
    senderTime += performance.now() - start
    packets += turn.length
    start = performance.now()
    for (const datagram of turn) receiving.receive(datagram, a, now)
    receiving.endOfTurn(now)
    for (let event = receiving.poll(); event !== undefined; event = receiving.poll()) {
      if (event.type !== 'readable') continue
      for (let chunk = event.connection.read(now); chunk !== undefined; chunk = event.connection.read(now))
        received += chunk.length
    }
    fly(receiving)
    receiverTime += performance.now() - start
    acks += turn.length
    start = performance.now()
    for (const datagram of turn) sending.receive(datagram, b, now)
    sending.endOfTurn(now)
    if (turn.length === 0) {
      now = Math.max(now, Math.min(sending.nextTimeout(), receiving.nextTimeout()))
      sending.timeout(now)
      receiving.timeout(now)
    }
    senderTime += performance.now() - start
  }
  if (connection.stats.resent > 0) throw new Error('a clean path, and packets were resent')
  return { sender: (senderTime * 1e6) / packets, receiver: (receiverTime * 1e6) / packets, packets, acks }
}

function idle(): void {
  const random = seededRandom(9)
  let now = 1000
  const client = new UtpEndpoint({ random, now })
  const server = new UtpEndpoint({ random, now })
  const exchange = () => {
    for (let moved = true; moved; ) {
      moved = false
      for (let out = client.transmit(now); out !== undefined; out = client.transmit(now)) {
        server.receive(out.bytes.slice(), a, now)
        moved = true
      }
      server.endOfTurn(now)
      for (let out = server.transmit(now); out !== undefined; out = server.transmit(now)) {
        client.receive(out.bytes.slice(), b, now)
        moved = true
      }
      client.endOfTurn(now)
      for (const endpoint of [client, server])
        for (let event = endpoint.poll(); event !== undefined; event = endpoint.poll())
          if (event.type === 'readable') while (event.connection.read(now) !== undefined);
    }
  }
  const memory = () => {
    globalThis.gc?.()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  const greeting = new Uint8Array(68)
  // A first connection pays for the pools.
  const connections: UtpConnection[] = []
  const open = () => {
    const connection = client.connect(b, now)
    connection.write(greeting, 0, 68, now)
    connections.push(connection)
    exchange()
  }
  open()
  now += 100
  const before = memory()
  for (let i = 1; i < IDLE; i++) open()
  now += 100
  client.timeout(now)
  server.timeout(now)
  exchange()
  const each = (memory() - before) / (2 * IDLE)
  // Both ends are here: half of it is one connection.
  console.log(`idle connection: ${Math.round(each)} bytes`)
  const minutes = 10
  const end = now + minutes * 60_000
  const start = performance.now()
  let wakes = 0
  while (now < end) {
    now = Math.max(now, Math.min(client.nextTimeout(), server.nextTimeout()))
    client.timeout(now)
    server.timeout(now)
    exchange()
    wakes++
  }
  const spent = performance.now() - start
  const share = spent / 2 / (minutes * 600)
  console.log(
    `${IDLE} idle connections: ${share.toFixed(4)} % of a core, ${wakes} wakes in ${minutes} minutes`,
  )
  if (connections.length !== IDLE || client.stats.connections !== IDLE)
    throw new Error('connections went missing')
}

function add(name: string, values: number[]): void {
  const sorted = [...values].sort((x, y) => x - y)
  const median = sorted[sorted.length >> 1] as number
  rows.push({ name, median, p99: sorted[sorted.length - 1] as number })
  console.log(`${name}: ${median.toFixed(0)} ns (${sorted.map((value) => value.toFixed(0)).join(', ')})`)
}
