/**
 * `rarest download`: fetches a torrent, and seeds it afterwards when asked.
 * @module
 */

import { Command } from 'commander'
import { Session, type Torrent } from '../index.js'
import { interruption } from './interrupt.js'
import { bytes, collect, Failure, indices, port } from './output.js'
import { Progress, progressKind } from './progress.js'

interface DownloadOptions {
  readonly output: string
  readonly peer?: string[]
  readonly port: number
  readonly host?: string
  readonly select?: number[]
  readonly sequential?: boolean
  readonly seed?: boolean
  readonly json?: boolean
}

export function downloadCommand(): Command {
  return new Command('download')
    .description('download a torrent and verify it; existing data is checked and kept')
    .argument('<torrent>', '.torrent file, or http(s) URL of one')
    .option('-o, --output <dir>', 'folder to download into', '.')
    .option('--peer <host:port>', 'peer to connect to, repeatable', collect)
    .option('--port <n>', 'port to listen on, 0 for a free one', port, 0)
    .option('--host <addr>', 'address to listen on')
    .option('--select <files>', 'files to fetch, by index: 0,2-4', indices)
    .option('--sequential', 'pieces in order instead of rarest first')
    .option('--seed', 'keep seeding when done')
    .option('--json', 'one JSON object a line')
    .action(download)
}

async function download(source: string, options: DownloadOptions): Promise<void> {
  const progress = new Progress(progressKind(options.json))
  const interrupt = interruption()
  const session = new Session({
    path: options.output,
    port: options.port,
    ...(options.host === undefined ? {} : { host: options.host }),
  })
  try {
    await run(session, source, options, progress, interrupt.promise)
  } catch (error) {
    progress.stop()
    progress.fail(error)
    throw error
  } finally {
    progress.stop()
    await session.close()
    interrupt.release()
  }
}

async function run(
  session: Session,
  source: string,
  options: DownloadOptions,
  progress: Progress,
  interrupted: Promise<'interrupted'>,
): Promise<void> {
  session.on('warning', ({ code, message }) => progress.warn(code, message))
  const listening = await session.ready
  progress.say({ event: 'listening', port: listening }, `listening on port ${listening}`)
  const torrent = await session.add(source, {
    peers: options.peer ?? [],
    sequential: options.sequential === true,
    ...(options.select ? { select: options.select } : {}),
  })
  progress.say(
    { event: 'added', infoHash: torrent.infoHash },
    `${torrent.name}, ${bytes(torrent.stats.size)}, ${torrent.infoHash}`,
  )
  if ((await Promise.race([torrent.ready, interrupted])) === 'interrupted') throw stopped()
  const { verifiedPieces, pieces, downloaded } = torrent.stats
  progress.say(
    { event: 'checked', pieces, valid: verifiedPieces, downloaded },
    `checked existing data: ${verifiedPieces} of ${pieces} pieces are there`,
  )
  const started = performance.now()
  progress.follow(torrent)
  const outcome = await Promise.race([torrent.done, interrupted])
  progress.stop()
  if (outcome !== 'complete') throw stopped()
  progress.say({ event: 'done' }, summary(torrent, performance.now() - started))
  if (!options.seed) return
  progress.say({ event: 'seeding' }, 'seeding, Ctrl-C stops')
  await Promise.race([interrupted, new Promise((resolve) => torrent.once('error', resolve))])
  if (torrent.error) throw torrent.error
}

function summary(torrent: Torrent, ms: number): string {
  const { received, pieces } = torrent.stats
  const rate = received === 0 ? '' : `, ${bytes(Math.round((received * 1000) / ms))}/s`
  return `done: ${pieces} pieces verified, ${bytes(received)} received in ${(ms / 1000).toFixed(1)} s${rate}`
}

function stopped(): Failure {
  return new Failure('cli/interrupted', 'stopped before the download was complete', 130)
}
