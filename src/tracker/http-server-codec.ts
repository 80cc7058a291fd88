/**
 * The tracker's side of HTTP: queries of clients and answers to them (BEP 3, 7, 21, 23, 31, 48).
 * @module
 */

import { type Encodable, encode } from '../bencode/index.js'
import { fromLatin1 } from '../util/bytes.js'
import type { SwarmPeer } from './swarm.js'
import type { AnnounceEvent } from './types.js'

/** What an announce over HTTP says. */
export interface HttpAnnounce {
  readonly infoHash: Uint8Array
  readonly peerId: Uint8Array
  readonly port: number
  readonly isComplete: boolean
  readonly event: AnnounceEvent | 'paused' | undefined
  readonly numwant: number | undefined
  /** False for `compact=0` alone: BEP 23 makes the compact form the default. */
  readonly isCompact: boolean
  readonly wantsPeerIds: boolean
}

/** A query that cannot be answered, with the sentence for the client. */
export interface BadQuery {
  readonly failure: string
}

/** Hashes in one scrape. */
const MAX_SCRAPE = 100
/** Parameters of a query; clients send about a dozen. */
const MAX_PARAMETERS = 120

/** Reads the query (without question mark) of an announce. */
export function parseAnnounceQuery(query: string): HttpAnnounce | BadQuery {
  const parameters = parseQuery(query)
  if (!parameters) return { failure: 'malformed query' }
  const value = (name: string): string | undefined => parameters.get(name)?.[0]
  const infoHash = value('info_hash')
  if (infoHash?.length !== 20) return { failure: 'info_hash must have 20 bytes' }
  const peerId = value('peer_id')
  if (peerId?.length !== 20) return { failure: 'peer_id must have 20 bytes' }
  const port = integer(value('port'))
  if (port === undefined || port < 1 || port > 65_535) return { failure: 'port must be 1 to 65535' }
  const event = value('event')
  return {
    infoHash: fromLatin1(infoHash),
    peerId: fromLatin1(peerId),
    port,
    isComplete: integer(value('left')) === 0,
    event: EVENTS.find((known) => known === event),
    numwant: integer(value('numwant')),
    isCompact: value('compact') !== '0',
    wantsPeerIds: value('no_peer_id') !== '1',
  }
}

/** The infohashes that the query of a scrape names; none asks for a full scrape. */
export function parseScrapeQuery(query: string): { readonly infoHashes: readonly Uint8Array[] } | BadQuery {
  const parameters = parseQuery(query)
  if (!parameters) return { failure: 'malformed query' }
  const hashes = parameters.get('info_hash') ?? []
  if (hashes.length > MAX_SCRAPE) return { failure: `at most ${MAX_SCRAPE} torrents in a scrape` }
  if (hashes.some((hash) => hash.length !== 20)) return { failure: 'info_hash must have 20 bytes' }
  return { infoHashes: hashes.map(fromLatin1) }
}

/** The answer to an announce. Peers of both families go out, whichever one asked (BEP 7). */
export function encodeHttpAnnounce(
  counts: {
    /** Seconds. */
    readonly interval: number
    readonly minInterval: number
    readonly complete: number
    readonly incomplete: number
    readonly downloaded: number
    /** 4 or 16 bytes (BEP 24). */
    readonly externalIp: Uint8Array | undefined
  },
  peers4: readonly SwarmPeer[],
  peers6: readonly SwarmPeer[],
  form: { readonly isCompact: boolean; readonly wantsPeerIds: boolean },
): Uint8Array {
  const answer: Record<string, Encodable | undefined> = {
    complete: counts.complete,
    downloaded: counts.downloaded,
    'external ip': counts.externalIp,
    incomplete: counts.incomplete,
    interval: counts.interval,
    'min interval': counts.minInterval,
  }
  if (form.isCompact) {
    answer['peers'] = compactList(peers4, 6)
    if (peers6.length > 0) answer['peers6'] = compactList(peers6, 18)
  } else {
    answer['peers'] = [...peers4, ...peers6].map(({ host, port, peerId }) => ({
      ip: host,
      'peer id': form.wantsPeerIds ? peerId : undefined,
      port,
    }))
  }
  return encode(answer)
}

/** The answer to a scrape: entries by infohash, one char a byte. */
export function encodeHttpScrape(
  files: ReadonlyMap<
    string,
    {
      readonly complete: number
      readonly downloaded: number
      readonly incomplete: number
      readonly downloaders: number
    }
  >,
): Uint8Array {
  const entries = new Map<string, Encodable>()
  for (const [hash, { complete, downloaded, downloaders, incomplete }] of files)
    entries.set(hash, { complete, downloaded, downloaders, incomplete })
  return encode({ files: entries })
}

/** A refusal; `retryMinutes` is the `retry in` of BEP 31. */
export function encodeHttpFailure(reason: string, retryMinutes?: number | 'never'): Uint8Array {
  return encode({ 'failure reason': reason, 'retry in': retryMinutes })
}

function compactList(peers: readonly SwarmPeer[], size: 6 | 18): Uint8Array {
  const list = new Uint8Array(size * peers.length)
  let at = 0
  // Byte by byte, as in UDP: `set` costs more than it copies.
  for (const { compact } of peers) for (let i = 0; i < size; i++) list[at++] = compact[i] as number
  return list
}

const EVENTS = ['started', 'completed', 'stopped', 'paused'] as const

/** Parameters with their values, one char a byte, or undefined for a broken escape or too many. */
function parseQuery(query: string): Map<string, string[]> | undefined {
  const parameters = new Map<string, string[]>()
  let count = 0
  for (let at = 0; at <= query.length; ) {
    const end = query.indexOf('&', at)
    const stop = end < 0 ? query.length : end
    if (stop > at) {
      const equals = query.indexOf('=', at)
      const split = equals < 0 || equals > stop ? stop : equals
      const name = unescapeBytes(query.slice(at, split))
      const value = unescapeBytes(query.slice(Math.min(split + 1, stop), stop))
      if (name === undefined || value === undefined || ++count > MAX_PARAMETERS) return undefined
      const known = parameters.get(name)
      if (known) known.push(value)
      else parameters.set(name, [value])
    }
    at = stop + 1
  }
  return parameters
}

/** Percent escapes and the plus sign of forms, to one char a byte; undefined for anything malformed. */
function unescapeBytes(text: string): string | undefined {
  let bytes = ''
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x2b) bytes += ' '
    else if (code > 0xff) return undefined
    else if (code !== 0x25) bytes += text[i]
    else {
      const high = digit(text.charCodeAt(i + 1))
      const low = digit(text.charCodeAt(i + 2))
      if (high < 0 || low < 0) return undefined
      bytes += String.fromCharCode(high * 16 + low)
      i += 2
    }
  }
  return bytes
}

function digit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const letter = code | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}

function integer(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? Number(text) : undefined
}
