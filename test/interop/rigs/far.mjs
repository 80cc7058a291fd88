/**
 * A long way for datagrams: a process that passes them on between peers and targets, late, and loses some.
 * Kernels do that better ("tc netem" in a network namespace), but few machines let tests do so.
 *
 * Options as one JSON argument: { targets, host, delay, loss, seed, rate, queue }: `host:port` of each target, which
 * gets a port of its own here, at `host`; ms each way; share that is lost each way; bytes/s each way and bytes that wait
 * for it. Says { event: 'ready', listening: [...] }, ends with its stdin.
 */
import { createSocket } from 'node:dgram'

const { host = '127.0.0.1', targets, delay, loss = 0, seed = 1, ...line } = JSON.parse(process.argv[2])
const { rate = Infinity, queue = 1 << 20 } = line
const BUFFER = 4 << 20
const HEADERS = 28

/** Datagrams on their way, in the order of their arrival: all take as long. */
const road = []
let first = 0
let waiting = false

/** The busy end of each direction, ms. */
const lines = { there: 0, back: 0 }
let state = seed >>> 0

/** Lets a datagram through or not (mulberry32). */
function isLost() {
  state = (state + 0x6d2b79f5) >>> 0
  let t = Math.imul(state ^ (state >>> 15), state | 1)
  t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32 < loss
}

function pass(line, bytes, socket, port, host) {
  if (isLost()) return
  const now = performance.now()
  const begin = Math.max(now, lines[line])
  if ((begin - now) * rate > queue * 1000) return
  lines[line] = begin + ((bytes.length + HEADERS) / rate) * 1000
  road.push({ at: lines[line] + delay, bytes, socket, port, host })
  if (!waiting) wait()
}

function wait() {
  waiting = true
  setTimeout(drive, Math.max(1, road[first].at - performance.now()))
}

function drive() {
  waiting = false
  // Two directions may be out of order by what one line holds; within one they are not.
  const now = performance.now() + 0.5
  while (first < road.length && road[first].at <= now) {
    const { bytes, socket, port, host } = road[first++]
    socket.send(bytes, port, host, () => {})
  }
  if (first > 4096 && 2 * first > road.length) {
    road.splice(0, first)
    first = 0
  }
  if (first < road.length) wait()
}

async function open() {
  const socket = createSocket({ type: 'udp4', lookup: (name, _options, done) => done(null, name, 4) })
  socket.on('error', () => {})
  await new Promise((resolve) => socket.bind(0, host, resolve))
  socket.setRecvBufferSize(BUFFER)
  socket.setSendBufferSize(BUFFER)
  return socket
}

async function relay(target) {
  const [to, port] = target.split(':')
  const front = await open()
  /** For each peer the socket that the target knows it by. */
  const backs = new Map()
  front.on('message', async (bytes, from) => {
    const key = `${from.address}:${from.port}`
    let back = backs.get(key)
    if (back === undefined) {
      back = open().then((socket) => {
        socket.on('message', (answer) => pass('back', answer, front, from.port, from.address))
        return socket
      })
      backs.set(key, back)
    }
    pass('there', bytes, await back, Number(port), to)
  })
  return `${host}:${front.address().port}`
}

const listening = await Promise.all(targets.map(relay))
process.stdout.write(`${JSON.stringify({ event: 'ready', listening })}\n`)
process.stdin.on('data', () => {})
process.stdin.on('end', () => process.exit(0))
