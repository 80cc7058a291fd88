/**
 * What a DHT node costs over sockets: CPU microseconds per answered query, beside a process that does nothing
 * but send back as many bytes (the floor of Node's UDP), and beside bittorrent-dht.
 *
 *   npm run build && node bench/dht/sockets.mjs [queries]
 *
 * Each server is a process of its own; 32 queries are under way at a time, all on loopback. Medians of 3 runs,
 * taken in turns.
 */
import { fork } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const QUERIES = Number(process.argv[3] === undefined ? (process.argv[2] ?? 30_000) : 30_000)
const ROUNDS = 3
const UNDER_WAY = 32
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

/** Sends `count` queries, 32 at a time; resolves to the bytes of the last answer. A lost one is made up for. */
async function ask(port, query, count) {
  let left = count
  let size = 0
  let answered = 0
  const socket = await bind('127.0.0.1', (reply) => {
    size = reply.length
    answered++
    next()
  })
  const done = new Promise((resolve) => {
    socket.once('close', resolve)
  })
  const next = () => {
    if (left-- > 0) socket.send(query, port, '127.0.0.1')
    if (answered === count) socket.close()
  }
  let last = 0
  const stalled = setInterval(() => {
    if (answered === last)
      for (let i = answered; i < Math.min(count, answered + UNDER_WAY); i++)
        socket.send(query, port, '127.0.0.1')
    last = answered
  }, 500)
  for (let i = 0; i < UNDER_WAY; i++) next()
  await done
  clearInterval(stalled)
  return size
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
  await ask(server.port, query, Math.ceil(QUERIES / 10))
  const before = await server.cpu()
  const size = await ask(server.port, query, QUERIES)
  return { micros: ((await server.cpu()) - before) / QUERIES, size }
}

async function measure() {
  const nodes = await fakeNodes()
  const names = ['rarest', 'bittorrent-dht']
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
        const bare = Buffer.alloc(query.length)
        bare.writeUInt16BE(size, 2)
        entry.floor.push((await cost(echo, bare)).micros)
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
