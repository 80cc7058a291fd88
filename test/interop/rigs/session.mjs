/**
 * A session of the built library in a process of its own, with one torrent, for tests that need it in another
 * place. One JSON argument: { session, torrent, dir, select, peers }. Says { event: 'ready', port }, 'added' when
 * its data is checked, 'done'; answers { cmd: 'status' }; ends with its stdin.
 */
import { createInterface } from 'node:readline'
import { Session } from '../../../dist/index.js'

const { session: options, torrent: file, dir, select, peers = [] } = JSON.parse(process.argv[2])
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)

const session = new Session({ path: dir, dht: false, ...options })
session.on('warning', ({ code, message }) => say({ event: 'warning', code, message }))
say({ event: 'ready', port: await session.ready })
const torrent = await session.add(file, select === undefined ? {} : { select })
void torrent.done.then((how) => say({ event: 'done', how }))
say({ event: 'added' })
torrent.addPeers(peers)

for await (const line of createInterface({ input: process.stdin })) {
  const { cmd, id, peers: more } = JSON.parse(line)
  if (cmd === 'quit') break
  if (cmd === 'connect') torrent.addPeers(more)
  say({ id, peers: torrent.peers, stats: torrent.stats })
}
await session.close()
