/**
 * `rarest peers`: lists the peers that trackers and the DHT name.
 * @module
 */

import { Command } from 'commander'
import { openDht } from '../../entry/dht.js'
import { isMagnet, parseMagnet, parseMetainfo, swarmHash } from '../../entry/metainfo.js'
import { systemWorld, TrackerClient, type World } from '../../entry/tracker.js'
import { collect } from '../arguments.js'
import { addDhtOptions, readState, type SessionDhtOptions, writeState } from '../dht-options.js'
import { type Interruption, interruption } from '../interrupt.js'
import { codeOf, Failure, printJson, printLine, sentence } from '../output.js'
import { naming, readInput } from '../source.js'

interface PeersOptions extends SessionDhtOptions {
  readonly tracker?: string[]
  readonly json?: boolean
}

export function peersCommand(): Command {
  const command = new Command('peers')
    .description('list the peers that trackers and the DHT know of a torrent, without joining them')
    .argument('<torrent>', '.torrent file, or magnet link')
    .option('--tracker <url>', 'ask this tracker too, repeatable', collect)
    .option('--json', 'one JSON object a line: {"peer","source"}')
  return addDhtOptions(command).action(peers)
}

async function peers(source: string, options: PeersOptions): Promise<void> {
  const interrupt = interruption('stopped before everybody answered')
  const { infoHash, trackers, isPrivate } = await lookUp(source)
  const urls = new Set([...trackers, ...(options.tracker ?? [])])
  const list = new PeerListing(options.json === true)
  const asked = [...urls].map((url) => ({ name: url, ask: () => askTracker(url, infoHash, list, interrupt) }))
  if (options.dht && !isPrivate)
    asked.push({ name: 'dht', ask: () => askDht(infoHash, options, list, interrupt) })
  let failure: unknown
  let answers = 0
  try {
    if (asked.length === 0)
      throw new Failure('cli/no-tracker', 'there is no one to ask: the torrent names no tracker')
    await interrupt.unless(
      Promise.all(
        asked.map(async ({ name, ask }) => {
          try {
            await ask()
            answers++
          } catch (error) {
            failure = error
            process.stderr.write(`rarest: warning: ${name}: ${sentence(error)} (${codeOf(error)})\n`)
          }
        }),
      ),
    )
    if (answers === 0) throw failure
  } finally {
    interrupt.release()
  }
}

/** Prints each peer once, with the source that named it first. */
class PeerListing {
  readonly #seen = new Set<string>()
  readonly #json: boolean

  constructor(json: boolean) {
    this.#json = json
  }

  add({ host, port }: { readonly host: string; readonly port: number }, source: string): void {
    const peer = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
    if (this.#seen.has(peer)) return
    this.#seen.add(peer)
    if (this.#json) printJson({ peer, source })
    else printLine(peer)
  }
}

async function askTracker(
  url: string,
  infoHash: Uint8Array,
  list: PeerListing,
  { signal }: Interruption,
): Promise<void> {
  const world = systemWorld()
  const client = new TrackerClient(world)
  try {
    const { peers: found } = await client.announce(
      url,
      // A port of 9 (discard) and nothing left to serve: a peer that dials it finds no listener.
      { infoHash, peerId: peerId(world), port: 9, uploaded: 0, downloaded: 0, left: 1, numwant: 200, key: 0 },
      { signal },
    )
    for (const { address } of found) list.add(address, url)
  } finally {
    await client.close()
  }
}

async function askDht(
  infoHash: Uint8Array,
  options: PeersOptions,
  list: PeerListing,
  { signal }: Interruption,
): Promise<void> {
  const { bootstrap } = options
  const state = await readState(options.dhtState)
  const dht = await openDht({ ...(bootstrap && { bootstrap }), ...(state && { state }) })
  try {
    for await (const address of dht.getPeers(infoHash, { signal })) list.add(address, 'dht')
    if (options.dhtState !== undefined) await writeState(options.dhtState, dht)
  } finally {
    await dht.close()
  }
}

async function lookUp(source: string): Promise<{
  readonly infoHash: Uint8Array
  readonly trackers: readonly string[]
  readonly isPrivate: boolean
}> {
  if (isMagnet(source)) {
    const magnet = parseMagnet(source)
    return { infoHash: swarmHash(magnet), trackers: magnet.trackers, isPrivate: false }
  }
  const input = await readInput(source)
  const metainfo = naming(source, () => parseMetainfo(input, { pieceLayers: 'lenient' }))
  return { infoHash: swarmHash(metainfo), trackers: metainfo.trackers.flat(), isPrivate: metainfo.private }
}

function peerId(world: World): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from('-RR0100-'), world.random.bytes(12)]))
}
