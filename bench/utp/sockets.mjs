/**
 * What uTP costs on real sockets, and what these cost without it.
 *
 *   node bench/utp/sockets.mjs [--size MiB] [--idle n] [--seconds n]
 *
 * - CPU microseconds per packet of a transfer between two processes, sender and receiver, beside the bare
 *   socket calls: datagrams of the same size, sent one after another, and read with an empty listener.
 * - CPU and memory of idle connections: `--idle` of them, watched for `--seconds`. Memory of Node's stream
 *   included (`stream`), and of the protocol alone (`core`).
 *
 * Needs a build ("npm run build").
 */
import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createServer, systemWorld, UtpEndpoint } from '../../dist/utp.js'

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '512' },
    idle: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '30' },
    role: { type: 'string' },
  },
})
const MIB = 1 << 20
const DATAGRAM = 1472
const bytes = Number(values.size) * MIB
const idle = Number(values.idle)
const here = '127.0.0.1'

/** CPU microseconds since an earlier reading. */
function cpu(since) {
  const { user, system } = process.cpuUsage(since)
  return user + system
}

/** What the other process does: it listens, says where, and answers "usage" with its CPU time since it was last asked. */
const ROLES = {
  async utp() {
    let stats
    // Listeners of the application, made once: their memory is not the connection's.
    const ignore = () => {}
    function ended() {
      stats = this.stats
    }
    const server = createServer({}, (socket) => {
      socket.on('error', ignore).on('data', ignore).on('end', ended)
    })
    const { port } = await server.listen({ host: here })
    return { port, stats: () => stats }
  },
  /** Two endpoints in one process, each the network of the other. */
  async core() {
    const { random } = systemWorld()
    const ends = [0, 1].map(() => new UtpEndpoint({ random, now: 0, maxConnections: 2 * idle }))
    const addresses = [1, 2].map((port) => ({ host: here, port }))
    const kept = []
    return {
      port: 0,
      connect() {
        for (let i = 0; i < idle; i++) kept.push(ends[0].connect(addresses[1], 0))
        for (let busy = true; busy; ) {
          busy = false
          for (const [i, end] of ends.entries()) {
            end.endOfTurn(1)
            for (let event = end.poll(); event; event = end.poll()) kept.push(event.connection)
            for (let out = end.transmit(1); out; out = end.transmit(1)) {
              ends[1 - i].receive(out.bytes, addresses[i], 1)
              busy = true
            }
          }
        }
      },
      stats: () => ({ connections: ends[0].stats.connections + ends[1].stats.connections }),
    }
  },
  async bare() {
    let packets = 0
    const socket = await bind()
    socket.on('message', () => packets++)
    return { port: socket.address().port, stats: () => ({ packetsReceived: packets }) }
  },
}

async function bind() {
  const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) })
  const listening = once(socket, 'listening')
  socket.bind(0, here)
  await listening
  socket.setRecvBufferSize(4 * MIB)
  socket.setSendBufferSize(4 * MIB)
  return socket
}

if (values.role !== undefined) {
  const { port, stats, connect } = await ROLES[values.role]()
  let since = process.cpuUsage()
  process.on('message', (message) => {
    if (message === 'connect') connect()
    process.send({ cpu: cpu(since), stats: stats(), memory: memory() })
    since = process.cpuUsage()
  })
  process.on('disconnect', () => process.exit(0))
  process.send({ port })
} else {
  console.log(`bare sockets: ${JSON.stringify(await bare())}`)
  console.log(`uTP: ${JSON.stringify(await transfer())}`)
  console.log(`idle: ${JSON.stringify(await rest())}`)
}

/** Heap after a collection and memory outside it, bytes. */
function memory() {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function other(role) {
  const child = fork(fileURLToPath(import.meta.url), ['--role', role, '--idle', values.idle], {
    execArgv: ['--expose-gc'],
  })
  const [{ port }] = await once(child, 'message')
  return {
    port,
    async usage(message = 'usage') {
      child.send(message)
      return (await once(child, 'message'))[0]
    },
    stop: () => child.disconnect(),
  }
}

async function bare() {
  const there = await other('bare')
  const socket = await bind()
  const packets = Math.ceil(bytes / DATAGRAM)
  const datagram = Buffer.alloc(DATAGRAM)
  await there.usage()
  const since = process.cpuUsage()
  for (let sent = 0; sent < packets; ) {
    for (let i = 0; i < 32 && sent < packets; i++, sent++) socket.send(datagram, there.port, here)
    await new Promise((resolve) => setImmediate(resolve))
  }
  const send = cpu(since) / packets
  await new Promise((resolve) => setTimeout(resolve, 500))
  const { cpu: spent, stats } = await there.usage()
  socket.close()
  there.stop()
  return {
    sendMicros: round(send),
    receiveMicros: round(spent / stats.packetsReceived),
    lost: round(1 - stats.packetsReceived / packets),
  }
}

async function transfer() {
  const there = await other('utp')
  const node = createServer()
  const socket = node.connect({ host: here, port: there.port })
  await once(socket, 'connect')
  const chunk = Buffer.alloc(MIB / 4, 1)
  await there.usage()
  const since = process.cpuUsage()
  const begin = performance.now()
  for (let sent = 0; sent < bytes; sent += chunk.length) if (!socket.write(chunk)) await once(socket, 'drain')
  socket.end()
  await once(socket.resume(), 'close')
  const seconds = (performance.now() - begin) / 1000
  const send = cpu(since)
  const { cpu: receive, stats } = await there.usage()
  const sender = socket.stats
  await node.destroy()
  there.stop()
  const gib = bytes / (1024 * MIB)
  return {
    rate: round(bytes / MIB / seconds),
    sendMicros: round(send / sender.packetsSent),
    receiveMicros: round(receive / stats.packetsReceived),
    sendCpuPerGib: round(send / 1e6 / gib),
    receiveCpuPerGib: round(receive / 1e6 / gib),
    packets: sender.packetsSent,
    acks: sender.packetsReceived,
    resent: sender.resent,
    timeouts: sender.timeouts,
  }
}

async function rest() {
  const there = await other('utp')
  const node = createServer({ maxConnections: 2 * idle })
  const sockets = []
  const open = async (count) => {
    while (sockets.length < count) {
      const batch = Array.from({ length: Math.min(50, count - sockets.length) }, () =>
        node.connect({ host: here, port: there.port }),
      )
      await Promise.all(batch.map((socket) => once(socket, 'connect')))
      // What proves the connection to the other side, and lets buffers be made and given back.
      for (const socket of batch) socket.write('x')
      sockets.push(...batch)
    }
  }
  // The first ones pay for code that is compiled on the way.
  const first = Math.ceil(idle / 10)
  await open(first)
  const before = await there.usage()
  await open(first + idle)
  await new Promise((resolve) => setTimeout(resolve, 5_000))
  await there.usage()
  await new Promise((resolve) => setTimeout(resolve, Number(values.seconds) * 1000))
  const after = await there.usage()
  await node.destroy()
  there.stop()
  return {
    connections: idle,
    cpuShare: round(after.cpu / (Number(values.seconds) * 1e6), 5),
    streamBytes: Math.round((after.memory - before.memory) / idle),
    coreBytes: await core(),
  }
}

async function core() {
  const there = await other('core')
  const before = await there.usage()
  const after = await there.usage('connect')
  there.stop()
  return Math.round((after.memory - before.memory) / after.stats.connections)
}

function round(number, digits = 3) {
  return Number(number.toFixed(digits))
}
