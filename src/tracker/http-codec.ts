/**
 * The client's side of HTTP trackers: announce and scrape URLs, and their answers (BEP 3, 7, 21, 23,
 * 24, 31, 48). The server's side is in `http-server-codec`.
 * @module
 */

import {
  asBytes,
  asDict,
  asInteger,
  asList,
  asText,
  type BencodeDict,
  type BencodeValue,
  tryDecodePrefix,
} from '../bencode/index.js'
import { decodeCompactList, ipFromBytes, isDialable, parseAddress } from '../util/address.js'
import { fromLatin1, fromUtf8, toHex, toLatin1 } from '../util/bytes.js'
import type { ErrorCode } from '../util/errors.js'
import { escapeBytes, messageText } from './text.js'
import {
  type AnnounceRequest,
  type AnnounceResponse,
  MAX_PEERS,
  type NamedPeer,
  type ScrapeEntry,
  TrackerError,
  type TrackerPeer,
  type TrackerResult,
  trackerHash,
} from './types.js'

/**
 * The URL of an announce: the tracker's own URL byte for byte, its query kept, our parameters behind.
 * A fragment is dropped. Throws RangeError for a hash or peer id of the wrong length.
 *
 * A partial seed announces `event=paused` in place of `started` and of no event: BEP 21 wants it on
 * every announce.
 */
export function announceUrl(url: string, request: AnnounceRequest): string {
  const { peerId, trackerId, numwant } = request
  if (peerId.length !== 20) throw new RangeError(`peerId must have 20 bytes, got ${peerId.length}`)
  const event = request.paused && (request.event ?? 'started') === 'started' ? 'paused' : request.event
  let query =
    `info_hash=${escapeBytes(trackerHash(request.infoHash))}&peer_id=${escapeBytes(peerId)}` +
    `&port=${request.port}&uploaded=${request.uploaded}&downloaded=${request.downloaded}` +
    `&left=${request.left}&compact=1&no_peer_id=1` +
    `&key=${(request.key >>> 0).toString(16).toUpperCase().padStart(8, '0')}`
  if (numwant !== undefined) query += `&numwant=${numwant}`
  if (event !== undefined) query += `&event=${event}`
  if (trackerId !== undefined) query += `&trackerid=${escapeBytes(fromLatin1(trackerId))}`
  return withQuery(url, query)
}

/**
 * The scrape URL that belongs to an announce URL (BEP 48), or undefined when the last element of its
 * path does not begin with `announce`: such a tracker has no scrape.
 */
export function scrapeUrl(url: string, infoHashes: readonly Uint8Array[]): string | undefined {
  const { base, query } = split(url)
  const slash = base.lastIndexOf('/')
  if (slash < base.indexOf('://') + 3 || !base.startsWith('announce', slash + 1)) return undefined
  const scrape = `${base.slice(0, slash + 1)}scrape${base.slice(slash + 1 + 'announce'.length)}${query}`
  const hashes = infoHashes.map((hash) => `info_hash=${escapeBytes(trackerHash(hash))}`)
  return hashes.length === 0 ? scrape : withQuery(scrape, hashes.join('&'))
}

/**
 * The answer to an announce, in either form of the peer list, of at most {@link MAX_PEERS} peers.
 * Fails with `tracker/failure` (and `retryIn` of BEP 31) or `tracker/malformed`. Whatever else is odd costs
 * only itself: an interval that is missing, negative or no number is taken for 1800 s, one written as
 * text is read, of a compact list that ends inside an entry the whole entries count and `warning` says so.
 * Bytes after the dictionary are ignored, as some trackers end it with a newline.
 */
export function decodeAnnounce(body: Uint8Array): TrackerResult<AnnounceResponse> {
  const opened = openAnswer(body)
  if (!opened.ok) return opened
  const answer = opened.value
  const peers: TrackerPeer[] = []
  const named: NamedPeer[] = []
  const warnings: string[] = []
  const warning = asBytes(answer.get('warning message'))
  if (warning !== undefined) warnings.push(messageText(warning))
  for (const [key, family] of [
    ['peers', 4],
    ['peers6', 6],
  ] as const) {
    const odd = readPeers(answer.get(key), family, peers, named)
    if (odd > 0) warnings.push(`${key} ends in ${odd} bytes that are no whole peer`)
  }
  const trackerId = asBytes(answer.get('tracker id'))
  const external = asBytes(answer.get('external ip'))
  const minInterval = seconds(answer, 'min interval')
  const complete = count(answer, 'complete')
  const incomplete = count(answer, 'incomplete')
  const downloaded = count(answer, 'downloaded')
  return {
    ok: true,
    value: {
      interval: seconds(answer, 'interval') ?? DEFAULT_INTERVAL,
      peers,
      ...(minInterval !== undefined && { minInterval }),
      ...(named.length > 0 && { named }),
      ...(complete !== undefined && { complete }),
      ...(incomplete !== undefined && { incomplete }),
      ...(downloaded !== undefined && { downloaded }),
      ...(warnings.length > 0 && { warning: warnings.join('; ') }),
      ...(trackerId !== undefined && trackerId.length <= 1024 && { trackerId: toLatin1(trackerId) }),
      ...((external?.length === 4 || external?.length === 16) && { externalIp: ipFromBytes(external) }),
    },
  }
}

/** Seconds between announces to a tracker that does not say: what public trackers ask. */
const DEFAULT_INTERVAL = 1800

/** The answer to a scrape: entries by infohash in lower-case hex. Fails like {@link decodeAnnounce}. */
export function decodeScrape(body: Uint8Array): TrackerResult<Map<string, ScrapeEntry>> {
  const opened = openAnswer(body)
  if (!opened.ok) return opened
  const files = asDict(opened.value.get('files'))
  if (!files) return failed('tracker/malformed', 'the scrape answer has no files')
  const entries = new Map<string, ScrapeEntry>()
  for (const [hash, value] of files) {
    const file = asDict(value)
    if (hash.length !== 20 || !file) continue
    const downloaders = count(file, 'downloaders')
    entries.set(toHex(fromLatin1(hash)), {
      complete: count(file, 'complete') ?? 0,
      downloaded: count(file, 'downloaded') ?? 0,
      incomplete: count(file, 'incomplete') ?? 0,
      ...(downloaders !== undefined && { downloaders }),
    })
  }
  return { ok: true, value: entries }
}

/** Limits of an answer: two levels below the root in every BEP; tokens for {@link MAX_PEERS} dictionaries and as many scraped files. */
const ANSWER = { unsortedKeys: true, maxDepth: 8, maxTokens: 100_000, maxDigits: 30 } as const

function openAnswer(body: Uint8Array): TrackerResult<BencodeDict> {
  const decoded = tryDecodePrefix(body, ANSWER)
  const answer = decoded.ok ? asDict(decoded.value.value) : undefined
  if (!answer) {
    const reason = decoded.ok ? 'not a dictionary' : decoded.error.message
    return failed('tracker/malformed', `the tracker did not answer in bencode: ${reason}`)
  }
  const failure = answer.get('failure reason')
  if (failure === undefined) return { ok: true, value: answer }
  const reason = asBytes(failure)
  const retryIn = retryDelay(answer.get('retry in'))
  const message = `the tracker refused: ${reason === undefined ? 'no reason given' : messageText(reason)}`
  return {
    ok: false,
    error: new TrackerError('tracker/failure', message, retryIn === undefined ? {} : { retryIn }),
  }
}

/** BEP 31: minutes as an integer or as text, or `never`. In ms. */
function retryDelay(value: BencodeValue | undefined): number | undefined {
  const text = asText(value)
  if (text === 'never') return Number.POSITIVE_INFINITY
  const minutes =
    asInteger(value) ?? (text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined)
  return minutes !== undefined && minutes >= 0 ? minutes * 60_000 : undefined
}

/** Appends the peers of either form; returns the bytes behind the last whole entry of a compact list. */
function readPeers(
  value: BencodeValue | undefined,
  family: 4 | 6,
  peers: TrackerPeer[],
  named: NamedPeer[],
): number {
  const bytes = asBytes(value)
  if (bytes) {
    const size = family === 4 ? 6 : 18
    const entries = Math.min(Math.floor(bytes.length / size), MAX_PEERS - peers.length - named.length)
    for (const address of decodeCompactList(bytes.subarray(0, entries * size), family) ?? [])
      peers.push({ address })
    return bytes.length % size
  }
  for (const item of asList(value) ?? []) {
    if (peers.length + named.length >= MAX_PEERS) break
    const dict = asDict(item)
    if (dict) readPeer(dict, peers, named)
  }
  return 0
}

function readPeer(dict: BencodeDict, peers: TrackerPeer[], named: NamedPeer[]): void {
  const ip = asBytes(dict.get('ip'))
  const port = asInteger(dict.get('port'))
  if (!ip || ip.length > 253 || port === undefined || port < 1 || port > 65_535) return
  const id = asBytes(dict.get('peer id'))
  const peerId = id?.length === 20 ? { peerId: id.slice() } : {}
  const host = fromUtf8(ip)
  const address = parseAddress(host, port)
  if (address) {
    if (isDialable(address)) peers.push({ address, ...peerId })
  } else if (/^(?=.*[A-Za-z])[A-Za-z0-9_.-]+$/.test(host)) named.push({ name: host, port, ...peerId })
}

/** A non-negative integer of a dictionary. */
function count(dict: BencodeDict, key: string): number | undefined {
  const value = asInteger(dict.get(key))
  return value !== undefined && value >= 0 ? value : undefined
}

/** A time in seconds, as an integer or in decimal digits; undefined for anything else. */
function seconds(dict: BencodeDict, key: string): number | undefined {
  const text = asText(dict.get(key))
  if (text === undefined) return count(dict, key)
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

/** The URL up to its query, and the query with its question mark; the fragment is gone. */
function split(url: string): { base: string; query: string } {
  const hash = url.indexOf('#')
  const whole = hash < 0 ? url : url.slice(0, hash)
  const mark = whole.indexOf('?')
  return mark < 0 ? { base: whole, query: '' } : { base: whole.slice(0, mark), query: whole.slice(mark) }
}

function withQuery(url: string, added: string): string {
  const { base, query } = split(url)
  if (query === '') return `${base}?${added}`
  return `${base}${query}${query.endsWith('?') || query.endsWith('&') ? '' : '&'}${added}`
}

function failed(code: ErrorCode, message: string): { readonly ok: false; readonly error: TrackerError } {
  return { ok: false, error: new TrackerError(code, message) }
}
