/**
 * `rarest seed`: checks data on disk and serves it.
 * @module
 */

import { Command, Option } from 'commander'
import { collectAddresses, encryption, port } from '../arguments.js'
import { addDhtOptions } from '../dht-options.js'
import { interruption } from '../interrupt.js'
import { openSession, type SessionFlags } from '../open-session.js'
import { bytes, Failure } from '../output.js'
import { Progress, progressKind } from '../progress.js'
import { addTorrent } from '../source.js'
import { seedUntil } from './download.js'

interface SeedOptions extends SessionFlags {
  readonly peer?: string[]
  readonly superseed?: 'normal' | 'strict'
  readonly json?: boolean
}

export function seedCommand(): Command {
  const command = new Command('seed')
    .description('check data on disk and serve it until Ctrl-C')
    .argument('<torrent>', '.torrent file, or http(s) URL of one')
    .argument('<dir>', 'folder that holds the data, as in: rarest download -o <dir>')
    .option('--peer <host:port>', 'peer to connect to, repeatable', collectAddresses)
    .option('--port <n>', 'port to listen on, 0 for a free one', port, 0)
    .option('--host <addr>', 'address to listen on')
    .addOption(encryption())
    .option('--no-utp', 'TCP connections only')
    .option('--no-tcp', 'uTP connections only')
    .addOption(
      new Option(
        '--superseed [mode]',
        'for the only seed: show each peer one piece at a time, so that about one copy is sent',
      )
        .choices(['normal', 'strict'])
        .preset('normal'),
    )
    .option('--json', 'one JSON object a line')
    .action(seed)
  return addDhtOptions(command)
}

async function seed(source: string, path: string, options: SeedOptions): Promise<void> {
  const progress = new Progress(progressKind(options.json))
  const interrupt = interruption('stopped before the data was checked')
  const opened = await openSession(options, { path }, (warning) => progress.warn(warning))
  const { session } = opened
  try {
    const listening = await interrupt.unless(session.ready)
    progress.say({ event: 'listening', port: listening }, `listening on port ${listening}`)
    const torrent = await interrupt.unless(
      addTorrent(session, source, {
        paused: true,
        peers: options.peer ?? [],
        superseed: options.superseed ?? false,
        signal: interrupt.signal,
      }),
    )
    progress.say(
      { event: 'added', infoHash: torrent.infoHash },
      `${torrent.name}, ${bytes(torrent.stats.size)}, ${torrent.infoHash}`,
    )
    await interrupt.unless(torrent.ready)
    const { verifiedPieces, pieces } = torrent.stats
    if (verifiedPieces < pieces) {
      throw new Failure(
        'cli/incomplete',
        `${pieces - verifiedPieces} of ${pieces} pieces are missing or wrong in ${path}`,
      )
    }
    await interrupt.unless(torrent.resume())
    await seedUntil(interrupt.asked, torrent, progress)
  } catch (error) {
    progress.stop()
    progress.fail(error)
    throw error
  } finally {
    progress.stop()
    await opened.close().finally(() => interrupt.release())
  }
}
