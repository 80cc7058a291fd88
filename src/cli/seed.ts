/**
 * `rarest seed`: checks data on disk and serves it.
 * @module
 */

import { Command } from 'commander'
import { Session } from '../index.js'
import { interruption } from './interrupt.js'
import { bytes, collect, Failure, port } from './output.js'
import { Progress, progressKind } from './progress.js'

interface SeedOptions {
  readonly peer?: string[]
  readonly port: number
  readonly host?: string
  readonly json?: boolean
}

export function seedCommand(): Command {
  return new Command('seed')
    .description('check data on disk and serve it until Ctrl-C')
    .argument('<torrent>', '.torrent file')
    .argument('<dir>', 'folder that holds the data, as in: rarest download -o <dir>')
    .option('--peer <host:port>', 'peer to connect to, repeatable', collect)
    .option('--port <n>', 'port to listen on, 0 for a free one', port, 0)
    .option('--host <addr>', 'address to listen on')
    .option('--json', 'one JSON object a line')
    .action(seed)
}

async function seed(source: string, path: string, options: SeedOptions): Promise<void> {
  const progress = new Progress(progressKind(options.json))
  const interrupt = interruption()
  const session = new Session({
    path,
    port: options.port,
    ...(options.host === undefined ? {} : { host: options.host }),
  })
  try {
    session.on('warning', ({ code, message }) => progress.warn(code, message))
    const listening = await session.ready
    progress.say({ event: 'listening', port: listening }, `listening on port ${listening}`)
    const torrent = await session.add(source, { paused: true, peers: options.peer ?? [] })
    progress.say(
      { event: 'added', infoHash: torrent.infoHash },
      `${torrent.name}, ${bytes(torrent.stats.size)}, ${torrent.infoHash}`,
    )
    if ((await Promise.race([torrent.ready, interrupt.promise])) === 'interrupted') return
    const { verifiedPieces, pieces } = torrent.stats
    if (verifiedPieces < pieces) {
      throw new Failure(
        'cli/incomplete',
        `${pieces - verifiedPieces} of ${pieces} pieces are missing or wrong in ${path}`,
      )
    }
    const failed = new Promise<never>((_, reject) => torrent.once('error', reject))
    torrent.resume()
    progress.say({ event: 'seeding' }, 'seeding, Ctrl-C stops')
    await Promise.race([interrupt.promise, failed])
  } catch (error) {
    progress.fail(error)
    throw error
  } finally {
    await session.close()
    interrupt.release()
  }
}
