/**
 * What a DHT node costs over sockets: CPU microseconds per answered query, beside a process that does nothing
 * but send back as many bytes (the floor of Node's UDP), and beside bittorrent-dht.
 *
 *   npm run build && node bench/dht/sockets.mjs [queries 20000] [--without-rival]
 *
 * What makes the comparison fair:
 * - each server is a process of its own; user and system time of all its threads count (`process.cpuUsage`);
 * - the echo has the same kind of socket (udp4 of node:dgram, synchronous look-up, no callback of `send`), gets
 *   queries of the same size and sends replies of the same size, in turns with the server it is compared with;
 * - all have answered every method before anything is measured, so compiling is not in the figures;
 * - queries come in bursts of 32 while the asking thread sleeps, and are counted afterwards. With a next query for
 *   each answer it is the slowest that sets the pace: an asker that waits has to be woken by nearly every answer
 *   of a slow server, at 0.5 to 1 us that the kernel charges to that server, and by none of the echo's.
 *   `--closed-loop` does it that way nevertheless.
 *
 * Medians of 3 runs, on loopback.
 */
import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const OPTIONS = process.argv.slice(2).filter((arg) => arg.startsWith('--'))
const QUERIES = Number(process.argv.slice(2).find((arg) => /^\d+$/.test(arg)) ?? 20_000)
const ROUNDS = 3
const BURST = 32
/** ms in which any of the servers has answered a burst. */
const PAUSE = 2
const sleeper = new Int32Array(new SharedArrayBuffer(4))
const isClosedLoop = OPTIONS.includes('--closed-loop')
const NODES = 64
const PEERS = 50
const INFO_HASH = Buffer.alloc(20, 0xab)

const servers = {
  /** Sends back as many bytes as the third and fourth byte of a query say. */
  async echo() {
    const socket = createSocket({ type: 'udp4', lookup: (host, _options, done) => done(null, host, 4) })
    const reply = Buffer.alloc(2048)
    socket.on('message', (query, from) =>
      socket.send(reply.subarray(0, query.readUInt16BE(2)), from.port, from.address),
    )
    const bound = once(socket, 'listening')
    socket.bind(0, '127.0.0.1')
    await bound
    return socket.address().port
  },
  async rarest(nodes) {
    const { openDht } = await import('../../dist/dht.js')
    const compact = Buffer.concat(nodes.map(({ id, port }) => compactNode(Buffer.from(id, 'hex'), port)))
    const state = Buffer.concat([
      Buffer.from('d2:id20:'),
      Buffer.alloc(20, 0x55),
      Buffer.from(`5:nodes${compact.length}:`),
      compact,
      Buffer.from('e'),
    ])
    const { port } = await openDht({ host: '127.0.0.1', bootstrap: [], state, rateLimits: false })
    return port
  },
  async 'bittorrent-dht'(nodes) {
    const { Client } = await import('../node_modules/bittorrent-dht/index.js')
    const dht = new Client({ bootstrap: false })
    dht.listen(0, '127.0.0.1')
    await once(dht, 'listening')
    for (const { port } of nodes) dht.addNode({ host: '127.0.0.1', port })
    return dht.address().port
  },
}

function compactNode(id, port) {
  return Buffer.concat([id, Buffer.from([127, 0, 0, 1, port >>> 8, port & 255])])
}

async function bind(host, onMessage) {
  const socket = createSocket({ type: 'udp4', lookup: (name, _options, done) => done(null, name, 4) })
  if (onMessage) socket.on('message', onMessage)
  // With a synchronous look-up it is bound before `bind` returns.
  const bound = once(socket, 'listening')
  socket.bind(0, host)
  await bound
  return socket
}

/** Nodes that answer everything with their id, to fill a table with. */
async function fakeNodes() {
  const nodes = []
  for (let i = 0; i < NODES; i++) {
    const id = Buffer.from(Array.from({ length: 20 }, (_, at) => (at === 0 ? i * 4 : (i * 7 + at) & 255)))
    const socket = await bind('127.0.0.1', (query, from) => {
      const t = transactionOf(query)
      if (t === undefined || !query.includes('1:y1:q')) return
      const reply = [
        Buffer.from('d1:rd2:id20:'),
        id,
        Buffer.from(`e1:t${t.length}:`),
        t,
        Buffer.from('1:y1:re'),
      ]
      socket.send(Buffer.concat(reply), from.port, from.address)
    })
    socket.unref()
    nodes.push({ id: id.toString('hex'), port: socket.address().port, socket })
  }
  return nodes
}

function transactionOf(message) {
  for (const length of [2, 4]) {
    const at = message.lastIndexOf(`1:t${length}:`)
    if (at >= 0) return message.subarray(at + 5, at + 5 + length)
  }
  return undefined
}

function queryOf(method, args) {
  return Buffer.concat([
    Buffer.from('d1:ad2:id20:'),
    Buffer.alloc(20, 0x77),
    ...args,
    Buffer.from(`e1:q${method.length}:${method}1:t2:aa1:y1:qe`),
  ])
}

const target = (name, bytes) => [Buffer.from(`${name.length}:${name}20:`), bytes]
const QUERY = {
  ping: queryOf('ping', []),
  find_node: queryOf('find_node', target('target', INFO_HASH)),
  get_peers: queryOf('get_peers', target('info_hash', INFO_HASH)),
}

/** Announces peers of 50 addresses, each with the token it was given. */
async function announcePeers(port) {
  for (let i = 0; i < PEERS; i++) {
    const socket = await bind(`127.0.0.${i + 2}`)
    socket.send(QUERY.get_peers, port, '127.0.0.1')
    const [reply] = await once(socket, 'message')
    const at = reply.indexOf('5:token') + 7
    const colon = reply.indexOf(':', at)
    const token = reply.subarray(colon + 1, colon + 1 + Number(reply.subarray(at, colon)))
    const args = [
      ...target('info_hash', INFO_HASH),
      Buffer.from(`4:porti${1000 + i}e5:token${token.length}:`),
      token,
    ]
    socket.send(queryOf('announce_peer', args), port, '127.0.0.1')
    await once(socket, 'message')
    socket.close()
  }
}

/** Sends queries until `count` were answered; resolves to how many those were, and the bytes of the last answer. */
async function ask(port, query, count) {
  let size = 0
  let answered = 0
  const socket = await bind('127.0.0.1', (reply) => {
    size = reply.length
    answered++
    if (isClosedLoop && sent < count) send(1)
  })
  let sent = 0
  const send = (queries) => {
    sent += queries
    for (let i = 0; i < queries; i++) socket.send(query, port, '127.0.0.1')
  }
  if (isClosedLoop) send(BURST)
  while (answered < count) {
    if (!isClosedLoop) {
      send(BURST)
      Atomics.wait(sleeper, 0, 0, PAUSE)
    }
    const before = answered
    await new Promise((resolve) => setImmediate(resolve))
    if (isClosedLoop && answered === before) {
      await new Promise((resolve) => setTimeout(resolve, 1))
      if (answered === before) send(1)
    }
  }
  const closed = once(socket, 'close')
  socket.close()
  await closed
  return { size, sent }
}

async function start(name, nodes) {
  const child = fork(fileURLToPath(import.meta.url), ['--serve', name])
  child.send(nodes.map(({ id, port }) => ({ id, port })))
  const [{ port }] = await once(child, 'message')
  const cpu = async () => {
    child.send('usage')
    const [{ user, system }] = await once(child, 'message')
    return user + system
  }
  return { name, port, cpu, child }
}

async function cost(server, query) {
  await ask(server.port, query, 1_000)
  const before = await server.cpu()
  const { size, sent } = await ask(server.port, query, QUERIES)
  return { micros: ((await server.cpu()) - before) / sent, size }
}

/** What the echo is sent in place of a query: as long, and asking for as much. */
function echoed(query, size) {
  const bare = Buffer.alloc(query.length)
  bare.writeUInt16BE(size, 2)
  return bare
}

async function measure() {
  const nodes = await fakeNodes()
  const names = OPTIONS.includes('--without-rival') ? ['rarest'] : ['rarest', 'bittorrent-dht']
  const running = []
  for (const name of names) {
    try {
      running.push(await start(name, nodes))
    } catch (error) {
      console.error(`${name}: ${error.message}`)
    }
  }
  const echo = await start('echo', [])
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  for (const server of running) await announcePeers(server.port)
  for (const server of running)
    for (const query of Object.values(QUERY)) {
      const { size } = await ask(server.port, query, QUERIES / 2)
      await ask(echo.port, echoed(query, size), QUERIES / 2)
    }
  const median = (values) => values.sort((a, b) => a - b)[values.length >> 1]
  for (const [method, query] of Object.entries(QUERY)) {
    const found = new Map(running.map(({ name }) => [name, { micros: [], floor: [], size: 0 }]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const server of running) {
        const entry = found.get(server.name)
        const { micros, size } = await cost(server, query)
        entry.micros.push(micros)
        entry.size = size
        // The same sizes both ways, right next to it.
        entry.floor.push((await cost(echo, echoed(query, size))).micros)
      }
    }
    for (const [name, { micros, floor, size }] of found) {
      const [own, bare] = [median(micros), median(floor)]
      console.log(
        `${method.padEnd(10)} ${name.padEnd(15)} ${own.toFixed(1).padStart(6)} us a query, bare echo ${bare.toFixed(1)}: x ${(own / bare).toFixed(2)} (${query.length} bytes in, ${size} out)`,
      )
    }
  }
  for (const { child } of [...running, echo]) child.kill()
  for (const { socket } of nodes) socket.close()
}

if (process.argv[2] === '--serve') {
  process.once('message', async (nodes) => {
    process.send({ port: await servers[process.argv[3]](nodes) })
    process.on('message', () => process.send(process.cpuUsage()))
  })
} else await measure()
