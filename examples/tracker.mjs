// @ts-check
// A tracker inside your own program, and a client that asks it. Run: node examples/tracker.mjs

import { randomBytes } from 'node:crypto'
import { systemWorld, TrackerClient, TrackerServer } from 'rarest/tracker'

const server = new TrackerServer({ host: '127.0.0.1', port: 0 })
const client = new TrackerClient(systemWorld())
try {
  const { httpUrl, udpUrl } = await server.listen()
  const infoHash = randomBytes(20)
  const totals = { uploaded: 0, downloaded: 0, left: 0, numwant: 50, key: 1 }

  await client.announce(String(httpUrl), {
    infoHash,
    peerId: randomBytes(20),
    port: 6881,
    event: 'started',
    ...totals,
  })
  const { peers, interval } = await client.announce(String(udpUrl), {
    infoHash,
    peerId: randomBytes(20),
    port: 6882,
    event: 'started',
    ...totals,
    left: 1000,
  })
  console.log('peers:', peers.map(({ address }) => `${address.host}:${address.port}`).join(', '))
  console.log(`ask again in ${interval} s`)
  console.log('the tracker knows', server.stats.swarms, 'swarm and', server.stats.peers, 'peers')
} finally {
  await client.close()
  await server.close()
}
