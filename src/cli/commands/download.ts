/**
 * `rarest download`: fetches a torrent, and seeds it afterwards when asked.
 * @module
 */

import { Command } from 'commander'
import type { Session, Torrent } from '../../index.js'
import { collectAddresses, encryption, indices, port } from '../arguments.js'
import { addDhtOptions } from '../dht-options.js'
import { type Interruption, interruption } from '../interrupt.js'
import { openSession, type SessionFlags } from '../open-session.js'
import { bytes } from '../output.js'
import { Progress, progressKind } from '../progress.js'
import { addTorrent, makeWritable } from '../source.js'

interface DownloadOptions extends SessionFlags {
  readonly output: string
  readonly peer?: string[]
  readonly select?: number[]
  readonly sequential?: boolean
  readonly seed?: boolean
  readonly json?: boolean
}

export function downloadCommand(): Command {
  const command = new Command('download')
    .description('download a torrent and verify it; existing data is checked and kept')
    .argument('<torrent>', '.torrent file, http(s) URL of one, or magnet link')
    .option('-o, --output <dir>', 'folder to download into', '.')
    .option('--peer <host:port>', 'peer to connect to, repeatable', collectAddresses)
    .option('--port <n>', 'port to listen on, 0 for a free one', port, 0)
    .option('--host <addr>', 'address to listen on')
    .addOption(encryption())
    .option('--no-utp', 'TCP connections only')
    .option('--no-tcp', 'uTP connections only')
    .option('--select <files>', 'files to fetch, by their index in "rarest info": 0,2-4', indices)
    .option('--sequential', 'pieces in order instead of rarest first')
    .option('--seed', 'keep seeding when done, until Ctrl-C')
    .option('--json', 'one JSON object a line')
    .action(download)
  return addDhtOptions(command)
}

async function download(source: string, options: DownloadOptions): Promise<void> {
  const progress = new Progress(progressKind(options.json))
  const interrupt = interruption('stopped before the download was complete')
  const opened = await openSession(options, { path: options.output }, (warning) => progress.warn(warning))
  try {
    await run(opened.session, source, options, progress, interrupt)
  } catch (error) {
    progress.stop()
    progress.fail(error)
    throw error
  } finally {
    progress.stop()
    await opened.close().finally(() => interrupt.release())
  }
}

async function run(
  session: Session,
  source: string,
  options: DownloadOptions,
  progress: Progress,
  interrupt: Interruption,
): Promise<void> {
  const listening = await interrupt.unless(session.ready)
  progress.say({ event: 'listening', port: listening }, `listening on port ${listening}`)
  const torrent = await interrupt.unless(
    addTorrent(session, source, {
      peers: options.peer ?? [],
      sequential: options.sequential === true,
      signal: interrupt.signal,
      ...(options.select ? { select: options.select } : {}),
    }),
  )
  if (!torrent.metainfo) {
    progress.say({ event: 'added', infoHash: torrent.infoHash }, `${torrent.name}: asking peers what it is`)
    const { name } = await interrupt.unless(torrent.metadata)
    const { size } = torrent.stats
    progress.say({ event: 'metadata', name, size }, `${name}, ${bytes(size)}, ${torrent.infoHash}`)
  } else {
    progress.say(
      { event: 'added', infoHash: torrent.infoHash },
      `${torrent.name}, ${bytes(torrent.stats.size)}, ${torrent.infoHash}`,
    )
  }
  await makeWritable(options.output)
  await interrupt.unless(torrent.ready)
  const { verifiedPieces, pieces, verified } = torrent.stats
  progress.say(
    { event: 'checked', pieces, valid: verifiedPieces, verified },
    `checked existing data: ${verifiedPieces} of ${pieces} pieces are there`,
  )
  const started = performance.now()
  progress.follow(torrent, 'downloading')
  await interrupt.unless(torrent.done)
  progress.stop()
  progress.say({ event: 'done' }, summary(torrent, performance.now() - started))
  if (options.seed) await seedUntil(interrupt.asked, torrent, progress)
}

/** Seeds until `asked`; rejects when the torrent fails. */
export async function seedUntil(asked: Promise<void>, torrent: Torrent, progress: Progress): Promise<void> {
  const failed = new Promise<never>((_, reject) => torrent.once('error', reject))
  progress.say({ event: 'seeding' }, 'seeding, Ctrl-C stops')
  progress.follow(torrent, 'seeding')
  await Promise.race([asked, failed])
}

function summary(torrent: Torrent, ms: number): string {
  const { downloaded, wanted, size } = torrent.stats
  const what = wanted < size ? 'the selected files are' : 'everything is'
  if (downloaded === 0) return `done: ${what} here and verified`
  const rate = bytes(Math.round((downloaded * 1000) / Math.max(1, ms)))
  return `done: ${what} here and verified; ${bytes(downloaded)} in ${(ms / 1000).toFixed(1)} s, ${rate}/s`
}
