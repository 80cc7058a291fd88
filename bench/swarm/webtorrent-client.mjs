/**
 * WebTorrent 2.8 behind the same JSON lines as the libtorrent driver: add, connect, status, usage, quit.
 * Options as one JSON argument: { port, tracker, loopDelay, encryption, transport }. WebTorrent listens on every address; peers are dialled on loopback.
 */
import { register } from 'node:module'
import { clock, loopMonitor, serve, usage } from './json-lines.mjs'

register('./webrtc-stub.mjs', import.meta.url)
const { default: WebTorrent } = await import('webtorrent')
const options = JSON.parse(process.argv[2] ?? '{}')
const loop = loopMonitor(options.loopDelay)
const client = new WebTorrent({
  dht: false,
  tracker: options.tracker ?? false,
  lsd: false,
  utPex: false,
  natUpnp: false,
  natPmp: false,
  utp: options.transport === 'utp',
  torrentPort: options.port ?? 0,
  secure: options.encryption === 'rc4',
})

const emit = serve({
  add: ({ torrent: file, magnet, dir, trackers }) =>
    new Promise((resolve, reject) => {
      const at = clock()
      const torrent = client.add(magnet ?? file, { path: dir, announce: trackers ?? [] })
      torrent.on('error', reject)
      torrent.on('infoHash', () => resolve({ infoHash: torrent.infoHash, at }))
      torrent.on('ready', () => emit({ event: 'checked', infoHash: torrent.infoHash, at: clock() }))
      torrent.on('wire', () => emit({ event: 'connected', at: clock() }))
      torrent.on('done', () =>
        emit({ event: 'finished', infoHash: torrent.infoHash, at: clock(), ...usage(), ...loop.stop() }),
      )
      torrent.on('warning', (warning) => emit({ event: 'warning', message: String(warning) }))
    }),
  connect: ({ infoHash, peers }) => {
    const torrent = find(infoHash)
    loop.start()
    const at = clock()
    for (const peer of peers) torrent.addPeer(peer)
    return { at }
  },
  status: ({ infoHash }) => {
    const torrent = find(infoHash)
    return {
      done: torrent.downloaded,
      downloaded: torrent.received,
      uploaded: torrent.uploaded,
      seeding: torrent.done,
      peers: torrent.wires.map((wire) => ({
        address: wire.remoteAddress,
        down: wire.downloaded,
        up: wire.uploaded,
      })),
    }
  },
  usage: () => usage(),
  remove: ({ infoHash }) => client.remove(find(infoHash)).then(() => ({})),
})

client.on('error', (error) => emit({ event: 'error', message: String(error) }))
const ready = () => {
  const { port } = client.address()
  emit({ event: 'ready', port, listening: [`127.0.0.1:${port}`], ...usage() })
}
if (client.listening) ready()
else client.on('listening', ready)

function find(infoHash) {
  const torrent =
    infoHash === undefined ? client.torrents[0] : client.torrents.find((t) => t.infoHash === infoHash)
  if (torrent === undefined) throw new Error('no such torrent')
  return torrent
}
