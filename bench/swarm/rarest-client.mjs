/**
 * rarest behind the same JSON lines as the libtorrent driver: add, connect, status, usage, quit.
 * Options as one JSON argument: { build, port, loopDelay, blocks, session }: `build` is the URL of the library (the
 * one in dist/ by default), `blocks` asks for an event "block" at the first one, `session` is given to Session as
 * it is.
 */
import { readFile } from 'node:fs/promises'
import { clock, loopMonitor, serve, usage } from './json-lines.mjs'

const options = JSON.parse(process.argv[2] ?? '{}')
const { Session } = await import(options.build ?? '../../dist/index.js')
const session = new Session({ host: '127.0.0.1', port: options.port ?? 0, ...options.session })
const loop = loopMonitor(options.loopDelay)

const emit = serve(
  {
    async add({ torrent: file, magnet, dir, trackers }) {
      const source = magnet ?? (await readFile(file))
      const at = clock()
      const torrent = await session.add(source, { path: dir, trackers: trackers ?? [] })
      if (magnet) torrent.once('metadata', () => emit({ event: 'metadata_received', at: clock() }))
      if (options.blocks) watchForBlock(torrent)
      torrent.on('ready', () => emit({ event: 'checked', infoHash: torrent.infoHash, at: clock() }))
      torrent.once('peer', () => emit({ event: 'connected', at: clock() }))
      torrent.done.then(
        (how) => {
          const at = clock()
          if (how === 'complete')
            emit({ event: 'finished', infoHash: torrent.infoHash, at, ...usage(), ...loop.stop() })
        },
        (error) => emit({ event: 'error', message: String(error?.stack ?? error) }),
      )
      return { infoHash: torrent.infoHash, at }
    },
    connect({ infoHash, peers }) {
      loop.start()
      const at = clock()
      find(infoHash).addPeers(peers)
      return { at }
    },
    status({ infoHash }) {
      const torrent = find(infoHash)
      const { verified, downloaded, uploaded, wasted, state } = torrent.stats
      return {
        state,
        done: verified,
        downloaded,
        uploaded,
        wasted,
        seeding: state === 'seeding',
        peers: torrent.peers,
      }
    },
    usage,
  },
  () => session.close(),
)

session.on('warning', ({ code, message }) => emit({ event: 'warning', code, message }))
const port = await session.ready
emit({ event: 'ready', port, listening: [`127.0.0.1:${port}`], ...usage() })

/** One event when the first bytes of the payload are there. Looks after every turn of the event loop. */
function watchForBlock(torrent) {
  if (torrent.stats.downloaded > 0) emit({ event: 'block', infoHash: torrent.infoHash, at: clock() })
  else if (torrent.state !== 'closed') setImmediate(watchForBlock, torrent)
}

function find(infoHash) {
  const torrent = infoHash === undefined ? session.torrents[0] : session.torrent(infoHash)
  if (torrent === undefined) throw new Error('no such torrent')
  return torrent
}
