// @ts-check
// A swarm of twenty sessions in a network that does not exist: virtual hosts, links, disks and clock. Seconds
// of real time, minutes of virtual time, the same to the last byte whenever the seed is the same.
// Run: node examples/virtual-swarm.mjs [seed]

import { Session } from 'rarest'
import { createMetainfo } from 'rarest/metainfo'
import { SeededRandom, VirtualNetwork } from 'rarest/testing'
import { TrackerServer } from 'rarest/tracker'

const MIB = 1024 * 1024
const PEERS = 20
const seed = Number(process.argv[2] ?? 1)
const network = new VirtualNetwork({ seed, latency: 25 })

const trackerHost = network.host()
network.names.set('tracker.example', [trackerHost.ip])
const tracker = new TrackerServer({ world: trackerHost.world, port: 80 })
await network.run({ until: tracker.listen() })

const data = new SeededRandom(seed).bytes(8 * MIB)
const bytes = await createMetainfo({
  name: 'data.bin',
  multiFile: false,
  files: [{ path: ['data.bin'], length: data.length }],
  announce: 'http://tracker.example/announce',
  read: async (_file, offset, into) => {
    into.set(data.subarray(offset, offset + into.length))
    return into.length
  },
})

/** @param {Uint8Array} [content] what is on the disk of the new host already */
async function join(content) {
  const host = network.host({ upload: MIB, download: 8 * MIB })
  if (content) host.disk.writeFile('downloads/data.bin', content)
  const session = new Session({ world: host.world, storage: () => host.disk.backend() })
  const torrent = await network.run({ until: session.add(bytes) })
  return { host, session, torrent }
}

const origin = await join(data)
await network.run({ until: origin.torrent.done })
const started = network.now
const others = []
for (let i = 0; i < PEERS; i++) others.push(await join())
await network.run({ until: Promise.all(others.map(({ torrent }) => torrent.done)) })

const seconds = (network.now - started) / 1000
const copies = origin.torrent.stats.uploaded / data.length
const right = others.every(({ host }) => {
  const copy = host.disk.readFile('downloads/data.bin')
  return copy !== undefined && Buffer.from(copy).equals(data)
})
console.log(`${PEERS} peers have 8 MiB each after ${seconds.toFixed(1)} virtual seconds`)
console.log(`the seed sent ${copies.toFixed(2)} copies`)
console.log(`every copy is ${right ? 'right' : 'WRONG'}; this run is ${network.digest}`)

const sessions = [origin, ...others].map(({ session }) => session.close())
await network.run({ until: Promise.all(sessions) })
await network.run({ until: tracker.close() })
