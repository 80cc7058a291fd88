/**
 * `rarest dht`: the DHT from the command line.
 * @module
 */

import { Command, InvalidArgumentError } from 'commander'
import type { Dht, FoundItem } from '../../entry/dht.js'
import { openDht } from '../../entry/dht.js'
import { collectAddresses, port, positive } from '../arguments.js'
import { loadKey } from '../dht-key.js'
import { readState, writeState } from '../dht-options.js'
import { LookupProgress } from '../dht-progress.js'
import { type Interruption, interruption } from '../interrupt.js'
import { bytes, codeOf, Failure, printJson, printLine, sentence } from '../output.js'

interface NodeOptions {
  readonly bootstrap?: string[]
  readonly dhtState?: string
  readonly port: number
  readonly host?: string
  readonly json?: boolean
}

interface ItemOptions extends NodeOptions {
  readonly key?: string
  readonly salt?: string
}

export function dhtCommand(): Command {
  const dht = new Command('dht').description('look up, store and count in the DHT')
  dht
    .addCommand(
      nodeCommand('get-peers', 'list the peers of a torrent, as they are found')
        .argument('<infohash>', '40 hex digits, v1 or truncated v2', key20)
        .action(getPeers),
    )
    .addCommand(
      nodeCommand('ping', 'ask nodes whether they are there')
        .argument('<host:port...>', 'nodes', (value: string, previous?: string[]) =>
          collectAddresses(value, previous),
        )
        .action(ping),
    )
    .addCommand(
      nodeCommand('get', 'print an item')
        .argument('<target>', '40 hex digits of an immutable item, or the 64 of a public key', target)
        .option('--salt <text>', 'which of the items of the key')
        .action(get),
    )
    .addCommand(
      nodeCommand('put', 'store a text, under its hash or under a key, for two hours')
        .argument('<value>', 'up to about 990 bytes')
        .option('--key <file>', 'file of the secret key; made when it is missing')
        .option('--salt <text>', 'which of the items of the key')
        .action(put),
    )
    .addCommand(
      nodeCommand('scrape', 'estimate how many seeds and peers a torrent has')
        .argument('<infohash>', '40 hex digits', key20)
        .action(scrape),
    )
    .addCommand(
      nodeCommand('sample', 'list infohashes that nodes all over the DHT store, until Ctrl-C')
        .option('--limit <n>', 'stop after so many', positive)
        .action(sample),
    )
    .addCommand(nodeCommand('node', 'run a node and print what it does, until Ctrl-C').action(node))
  return dht
}

function nodeCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option(
      '--bootstrap <host:port>',
      'node to begin with instead of the usual ones, repeatable',
      collectAddresses,
    )
    .option('--dht-state <file>', 'keep what the node knows in this file, and begin with it')
    .option('--port <n>', 'UDP port, 0 for a free one', port, 0)
    .option('--host <addr>', 'address to bind')
    .option('--json', 'one JSON object a line')
}

async function getPeers(infoHash: string, options: NodeOptions): Promise<void> {
  await withDht(options, async (dht, { signal }, progress) => {
    const lookup = dht.getPeers(infoHash, { signal, progress: progress.report })
    for await (const { host, port: at } of lookup) {
      const peer = host.includes(':') ? `[${host}]:${at}` : `${host}:${at}`
      progress.tell({ event: 'peer', peer }, peer)
    }
    const { queries, responded, duration } = await lookup.done
    progress.end()
    if (options.json)
      printJson({ event: 'done', peers: lookup.found, queries, responded, ms: Math.round(duration) })
    else if (lookup.found === 0) throw new Failure('cli/no-peers', 'no node knows a peer of this torrent')
  })
}

async function ping(nodes: readonly string[], options: NodeOptions): Promise<void> {
  await withDht({ ...options, bootstrap: [] }, async (dht, interrupt) => {
    const answers = await Promise.allSettled(
      nodes.map(async (each) => {
        const { id, rtt } = await dht.ping(each, { signal: interrupt.signal })
        if (options.json) printJson({ event: 'pong', node: each, id, ms: rtt })
        else printLine(`${each} ${id} ${rtt.toFixed(1)} ms`)
      }),
    )
    for (const answer of answers) if (answer.status === 'rejected') throw answer.reason
  })
}

async function get(name: Uint8Array, options: ItemOptions): Promise<void> {
  await withDht(
    options,
    async (dht, { signal }, progress) => {
      const salt = options.salt === undefined ? {} : { salt: Buffer.from(options.salt) }
      const call = { signal, progress: progress.report }
      const found = await (name.length === 32
        ? dht.getMutable(name, { ...salt, ...call })
        : dht.get(name, call))
      progress.end()
      if (!found) throw new Failure('cli/not-found', 'no node has this item')
      if (options.json) printJson({ event: 'item', ...described(found) })
      else printLine(textOf(found))
    },
    false,
  )
}

async function put(value: string, options: ItemOptions): Promise<void> {
  const secretKey = options.key === undefined ? undefined : await loadKey(options.key)
  await withDht(options, async (dht, { signal }, progress) => {
    const call = { signal, progress: progress.report }
    const salt = options.salt === undefined ? {} : { salt: Buffer.from(options.salt) }
    const {
      item,
      target: at,
      stored,
    } = await (secretKey ? dht.putMutable(value, { secretKey, ...salt, ...call }) : dht.put(value, call))
    progress.end()
    const key = item.type === 'mutable' ? hexOf(item.publicKey) : undefined
    const seq = item.type === 'mutable' ? Number(item.seq) : undefined
    if (options.json) printJson({ event: 'stored', target: hexOf(at), key, seq, nodes: stored })
    else printLine(key === undefined ? hexOf(at) : `${key} (version ${seq})`)
  })
}

async function scrape(infoHash: string, options: NodeOptions): Promise<void> {
  await withDht(
    options,
    async (dht, { signal }, progress) => {
      const { seeds, peers } = await dht.scrape(infoHash, { signal, progress: progress.report })
      progress.end()
      if (options.json) printJson({ event: 'scrape', seeds, peers })
      else printLine(`about ${seeds} seeds and ${peers} other peers`)
    },
    false,
  )
}

async function sample(options: NodeOptions & { readonly limit?: number }): Promise<void> {
  await withDht(options, async (dht, { signal }, progress) => {
    let left = options.limit ?? Number.POSITIVE_INFINITY
    try {
      for await (const infoHash of dht.crawl({ signal, progress: progress.report })) {
        progress.tell({ event: 'infohash', infoHash }, infoHash)
        if (--left <= 0) break
      }
    } catch (error) {
      // Ctrl-C is how this one ends.
      if (!signal.aborted) throw error
    }
    progress.end()
  })
}

async function node(options: NodeOptions): Promise<void> {
  const run = async (
    dht: Dht,
    interrupt: Interruption,
    _progress: LookupProgress,
    bound: number,
  ): Promise<void> => {
    if (options.json) printJson({ event: 'listening', port: bound })
    else printLine(`a DHT node on UDP port ${bound}, Ctrl-C stops`)
    const timer = setInterval(() => print(dht), 10_000)
    try {
      await interrupt.unless(dht.ready)
      print(dht)
      await interrupt.asked
    } catch (error) {
      if (!interrupt.signal.aborted) throw error
    } finally {
      clearInterval(timer)
    }
  }
  const print = (dht: Dht): void => {
    for (const stats of dht.stats) {
      if (options.json) printJson({ event: 'stats', ...stats })
      else {
        const { family, goodNodes, nodes, queriesIn, infoHashes, peers, items } = stats
        const traffic = `${bytes(stats.bytesIn)} in, ${bytes(stats.bytesOut)} out`
        const stored = `${peers} peers of ${infoHashes} torrents, ${items} items`
        printLine(
          `IPv${family}: ${goodNodes} of ${nodes} nodes good; ${queriesIn} queries; ${traffic}; ${stored}`,
        )
      }
    }
  }
  await withDht(options, run, false)
}

/**
 * A node for the length of `work`. One that soon leaves is read-only (BEP 43): else others would go on to ask it.
 * A read-only node cannot prove that it receives, so what wants large answers is not: items and filters.
 */
async function withDht(
  options: NodeOptions,
  work: (dht: Dht, interrupt: Interruption, progress: LookupProgress, port: number) => Promise<void>,
  readOnly = true,
): Promise<void> {
  const interrupt = interruption('stopped before the look-up was over')
  const progress = new LookupProgress(options)
  try {
    const state = await readState(options.dhtState)
    const dht = await openDht({
      readOnly,
      port: options.port,
      ...(options.host !== undefined && { host: options.host }),
      ...(options.bootstrap && { bootstrap: options.bootstrap }),
      ...(state && { state }),
    })
    try {
      await work(dht, interrupt, progress, dht.port)
      if (options.dhtState !== undefined) await writeState(options.dhtState, dht)
    } finally {
      progress.end()
      await dht.close()
    }
  } catch (error) {
    if (options.json) printJson({ event: 'error', code: codeOf(error), message: sentence(error) })
    throw error
  } finally {
    interrupt.release()
  }
}

function described({ item, value, target: at }: FoundItem): Record<string, unknown> {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString() : undefined
  const common = { target: hexOf(at), bencoded: hexOf(item.value), text }
  if (item.type === 'immutable') return common
  return {
    ...common,
    key: hexOf(item.publicKey),
    seq: Number(item.seq),
    salt: hexOf(item.salt),
    signature: hexOf(item.signature),
  }
}

function textOf({ item, value }: FoundItem): string {
  return Buffer.from(value instanceof Uint8Array ? value : item.value).toString()
}

function key20(value: string): string {
  if (!/^[0-9a-f]{40}$/i.test(value)) throw new InvalidArgumentError(`Expected 40 hex digits, got ${value}.`)
  return value
}

function target(value: string): Uint8Array {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i.test(value))
    throw new InvalidArgumentError(`Expected 40 or 64 hex digits, got ${value}.`)
  return new Uint8Array(Buffer.from(value, 'hex'))
}

function hexOf(raw: Uint8Array): string {
  return Buffer.from(raw).toString('hex')
}
