/**
 * The DHT node's core, bytes in to bytes out, beside the handling of bittorrent-dht: the same queries to
 * tables of the same nodes. Its socket is a stub, so both are measured without a network.
 */
import { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import Client from 'bittorrent-dht'
import { bench, do_not_optimize, group } from 'mitata'
import { decodeKrpc, encodeQuery, encodeReply, type KrpcQuery } from '../../src/dht/krpc/krpc.js'
import { DhtNode } from '../../src/dht/node.js'
import { PeerStore } from '../../src/dht/peer-store.js'
import { makeNodeId } from '../../src/dht/table/node-id.js'
import { ipToBytes } from '../../src/util/address.js'
import { utf8 } from '../../src/util/bytes.js'
import { seededRandom } from '../../test/support/random.js'

const random = seededRandom(1)
const remotes = Array.from({ length: 400 }, (_, i) => {
  const host = `${20 + (i % 100)}.${i}.${i & 7}.9`.replace(
    /\.(\d+)\./,
    (_all, part) => `.${Number(part) & 255}.`,
  )
  return { id: makeNodeId(ipToBytes(host) as Uint8Array, random), address: { host, port: 6881 } }
})
const asker = { host: '8.8.8.8', port: 4000 }

const node = new DhtNode({ random, family: 4, now: 0, rateLimits: false })
for (const { id, address } of remotes) {
  node.ping(address, 0)
  for (let datagram = node.transmit(0); datagram; datagram = node.transmit(0)) {
    const decoded = decodeKrpc(datagram.bytes)
    if (!decoded.ok || datagram.to.host !== address.host) continue
    node.receive(encodeReply({ type: 'reply', transactionId: decoded.value.transactionId, id }), address, 1)
  }
}
while (node.poll());

/** What k-rpc asks of a datagram socket. */
class Socket extends EventEmitter {
  sent = 0
  bind(): void {}
  close(): void {}
  address(): { port: number } {
    return { port: 6881 }
  }
  send(bytes: Uint8Array): void {
    this.sent += bytes.length
  }
}
const socket = new Socket()
const other = new Client({ bootstrap: false, socket, nodeId: Buffer.from(node.id), maxPeers: 1_000_000 })
for (const { id, address } of remotes) other.addNode({ id: Buffer.from(id), ...address })
const remote = { address: asker.host, port: asker.port, family: 'IPv4' }

const infoHash = random.bytes(20)
const base = { type: 'query', transactionId: utf8('aa'), id: random.bytes(20), readOnly: true } as const
const queries: Record<string, KrpcQuery> = {
  ping: { ...base, method: 'ping' },
  find_node: { ...base, method: 'find_node', target: random.bytes(20) },
  get_peers: { ...base, method: 'get_peers', infoHash, noSeed: false, scrape: false },
}
console.log(`nodes: rarest ${node.stats(1).nodes}, bittorrent-dht ${other.nodes.count()}`)
for (const [name, query] of Object.entries(queries)) {
  const bytes = Buffer.from(encodeQuery(query))
  group(name, () => {
    bench(`${name}: rarest`, () => {
      node.receive(bytes, asker, 2)
      do_not_optimize(node.transmit(2))
      node.transmit(2)
    })
    bench(`${name}: bittorrent-dht`, () => {
      socket.emit('message', bytes, remote)
      do_not_optimize(socket.sent)
    })
  })
}

const reply = encodeReply({
  type: 'reply',
  transactionId: utf8('aa'),
  id: base.id,
  nodes: random.bytes(208),
  token: utf8('tokn'),
  values: Array.from({ length: 20 }, () => random.bytes(6)),
})
bench('decode a reply with 8 nodes and 20 values', () => do_not_optimize(decodeKrpc(reply)))

/** Memory of 100,000 stored peers, as bytes of heap and buffers. */
function memory(): number {
  globalThis.gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
const before = memory()
const store = new PeerStore(random, 0, { maxTorrents: 2_000, maxPeers: 500 })
for (let i = 0; i < 1_000; i++) {
  const hash = random.bytes(20)
  for (let j = 0; j < 100; j++) store.add(hash, random.bytes(6), false, 0)
}
const peersBytes = memory() - before
const tables = Array.from({ length: 20 }, () => {
  const full = new DhtNode({ random, family: 4, now: 0, rateLimits: false })
  for (const { id, address } of remotes) {
    full.ping(address, 0)
    for (let datagram = full.transmit(0); datagram; datagram = full.transmit(0)) {
      const decoded = decodeKrpc(datagram.bytes)
      if (decoded.ok && datagram.to.host === address.host)
        full.receive(
          encodeReply({ type: 'reply', transactionId: decoded.value.transactionId, id }),
          address,
          1,
        )
    }
  }
  while (full.poll());
  return full
})
const tableBytes = (memory() - before - peersBytes) / tables.length
console.log(
  `memory: ${store.peerCount} stored peers ${(peersBytes / 1e6).toFixed(1)} MB, a node with ${tables[0]?.stats(1).nodes} nodes ${(tableBytes / 1e3).toFixed(0)} KB`,
)
