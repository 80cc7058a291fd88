/**
 * `rarest peers`: lists the peers that the trackers of a torrent name.
 * @module
 */

import { randomBytes } from 'node:crypto'
import { Command } from 'commander'
import { parseMagnet, parseMetainfo, swarmHash } from '../entry/metainfo.js'
import { systemWorld, TrackerClient } from '../entry/tracker.js'
import { collect } from './arguments.js'
import { interruption } from './interrupt.js'
import { codeOf, Failure, printJson, printLine, sentence } from './output.js'
import { naming, readInput } from './source.js'

interface PeersOptions {
  readonly tracker?: string[]
  readonly json?: boolean
}

export function peersCommand(): Command {
  return new Command('peers')
    .description('list the peers that the trackers of a torrent know, without joining them')
    .argument('<torrent>', '.torrent file, or magnet link')
    .option('--tracker <url>', 'ask this tracker too, repeatable', collect)
    .option('--json', 'one JSON object a line: {"peer","source"}')
    .action(peers)
}

async function peers(source: string, options: PeersOptions): Promise<void> {
  const interrupt = interruption('stopped before every tracker answered')
  const client = new TrackerClient(systemWorld())
  const { infoHash, trackers } = await lookUp(source)
  const urls = new Set([...trackers, ...(options.tracker ?? [])])
  const seen = new Set<string>()
  let answers = 0
  let failure: unknown
  const ask = async (url: string): Promise<void> => {
    try {
      const { peers: found } = await client.announce(
        url,
        // A port of 9 (discard) and nothing left to serve: whoever dials it finds nobody.
        { infoHash, peerId: peerId(), port: 9, uploaded: 0, downloaded: 0, left: 1, numwant: 200, key: 0 },
        { signal: interrupt.signal },
      )
      answers++
      for (const { address } of found) {
        const peer = address.host.includes(':')
          ? `[${address.host}]:${address.port}`
          : `${address.host}:${address.port}`
        if (seen.has(peer)) continue
        seen.add(peer)
        if (options.json) printJson({ peer, source: url })
        else printLine(peer)
      }
    } catch (error) {
      failure = error
      process.stderr.write(`rarest: warning: ${url}: ${sentence(error)} (${codeOf(error)})\n`)
    }
  }
  try {
    if (urls.size === 0)
      throw new Failure('cli/no-tracker', 'there is nobody to ask: the torrent names no tracker')
    await interrupt.unless(Promise.all([...urls].map(ask)))
    if (answers === 0) throw failure
  } finally {
    await client.close()
    interrupt.release()
  }
}

async function lookUp(
  source: string,
): Promise<{ readonly infoHash: Uint8Array; readonly trackers: readonly string[] }> {
  if (/^magnet:/i.test(source)) {
    const magnet = parseMagnet(source)
    return { infoHash: swarmHash(magnet), trackers: magnet.trackers }
  }
  const input = await readInput(source)
  const metainfo = naming(source, () => parseMetainfo(input))
  return { infoHash: swarmHash(metainfo), trackers: metainfo.trackers.flat() }
}

function peerId(): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from('-RR0100-'), randomBytes(12)]))
}
