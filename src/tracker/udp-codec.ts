/**
 * Datagrams of UDP trackers, both directions (BEP 15), and the URL data of BEP 41.
 * @module
 */

import { type Address, decodeCompactList, encodeCompact } from '../util/address.js'
import { concatBytes, fromUtf8, readU16, readU32, utf8, writeU16, writeU32 } from '../util/bytes.js'
import { ProtocolError, type Result } from '../util/errors.js'
import { messageText } from './text.js'
import { type AnnounceEvent, type AnnounceRequest, MAX_PEERS, trackerHash } from './types.js'

/** The connection id that a connect request carries: 0x41727101980. */
export const PROTOCOL_ID = 0x417_2710_1980n

/** Hashes in one scrape (BEP 15: about 74). */
export const SCRAPE_BATCH = 74

/** What a client sends. */
export type UdpRequest =
  | { readonly action: 'connect'; readonly transactionId: number }
  | {
      readonly action: 'announce'
      readonly connectionId: bigint
      readonly transactionId: number
      readonly infoHash: Uint8Array
      readonly peerId: Uint8Array
      readonly downloaded: number | bigint
      readonly left: number | bigint
      readonly uploaded: number | bigint
      /** `paused` is value 4, which BEP 15 lacks and some clients send. */
      readonly event: AnnounceEvent | 'paused' | undefined
      readonly key: number
      /** Peers wanted; undefined for the tracker's default. */
      readonly numwant: number | undefined
      readonly port: number
      /** Path and query of the tracker's URL (BEP 41), empty without the option. */
      readonly urlData: string
    }
  | {
      readonly action: 'scrape'
      readonly connectionId: bigint
      readonly transactionId: number
      readonly infoHashes: readonly Uint8Array[]
    }

/** What a tracker answers. */
export type UdpResponse =
  | { readonly action: 'connect'; readonly transactionId: number; readonly connectionId: bigint }
  | {
      readonly action: 'announce'
      readonly transactionId: number
      /** Seconds. */
      readonly interval: number
      readonly leechers: number
      readonly seeders: number
      readonly peers: readonly Address[]
    }
  | { readonly action: 'scrape'; readonly transactionId: number; readonly entries: readonly UdpScrapeEntry[] }
  | { readonly action: 'error'; readonly transactionId: number; readonly message: string }

/** One torrent of a scrape answer, in the order of the request. */
export interface UdpScrapeEntry {
  readonly complete: number
  readonly downloaded: number
  readonly incomplete: number
}

/** A connect request, 16 bytes. */
export function encodeConnect(transactionId: number): Uint8Array {
  const bytes = new Uint8Array(16)
  writeU64(bytes, 0, PROTOCOL_ID)
  writeU32(bytes, 12, transactionId)
  return bytes
}

/**
 * An announce request: 98 bytes, and the URL data when `target` (path and query) is not empty, so
 * that trackers which know no options still read it. Throws RangeError for a hash or peer id of the
 * wrong length. A partial seed sends no event: BEP 15 has no value for `paused`.
 */
export function encodeAnnounce(
  connectionId: bigint,
  transactionId: number,
  request: AnnounceRequest,
  target = '',
): Uint8Array {
  if (request.peerId.length !== 20)
    throw new RangeError(`peerId must have 20 bytes, got ${request.peerId.length}`)
  const options = target === '' ? new Uint8Array(0) : encodeUrlData(target)
  const bytes = new Uint8Array(98 + options.length)
  writeU64(bytes, 0, connectionId)
  writeU32(bytes, 8, ANNOUNCE)
  writeU32(bytes, 12, transactionId)
  bytes.set(trackerHash(request.infoHash), 16)
  bytes.set(request.peerId, 36)
  writeU64(bytes, 56, request.downloaded)
  writeU64(bytes, 64, request.left)
  writeU64(bytes, 72, request.uploaded)
  writeU32(bytes, 80, request.event === undefined ? 0 : EVENTS.indexOf(request.event))
  writeU32(bytes, 88, request.key)
  writeU32(bytes, 92, request.numwant ?? -1)
  writeU16(bytes, 96, request.port)
  bytes.set(options, 98)
  return bytes
}

/** A scrape request for at most {@link SCRAPE_BATCH} hashes. Throws RangeError for more, or for a hash of the wrong length. */
export function encodeScrape(
  connectionId: bigint,
  transactionId: number,
  infoHashes: readonly Uint8Array[],
): Uint8Array {
  if (infoHashes.length > SCRAPE_BATCH)
    throw new RangeError(`infoHashes must be at most ${SCRAPE_BATCH}, got ${infoHashes.length}`)
  const bytes = new Uint8Array(16 + 20 * infoHashes.length)
  writeU64(bytes, 0, connectionId)
  writeU32(bytes, 8, SCRAPE)
  writeU32(bytes, 12, transactionId)
  for (const [i, hash] of infoHashes.entries()) bytes.set(trackerHash(hash), 16 + 20 * i)
  return bytes
}

/** An answer; the opposite of {@link decodeUdpResponse}. The peers of an announce must all be of one family. */
export function encodeUdpResponse(response: UdpResponse): Uint8Array {
  const { transactionId } = response
  if (response.action === 'connect') {
    const bytes = head(16, CONNECT, transactionId)
    writeU64(bytes, 8, response.connectionId)
    return bytes
  }
  if (response.action === 'announce') {
    const { interval, leechers, seeders, peers } = response
    return encodeAnnounceResponse(transactionId, interval, leechers, seeders, peers.map(encodeCompact))
  }
  if (response.action === 'scrape') {
    const bytes = head(8 + 12 * response.entries.length, SCRAPE, transactionId)
    for (const [i, entry] of response.entries.entries()) {
      writeU32(bytes, 8 + 12 * i, entry.complete)
      writeU32(bytes, 12 + 12 * i, entry.downloaded)
      writeU32(bytes, 16 + 12 * i, entry.incomplete)
    }
    return bytes
  }
  const message = utf8(response.message)
  const bytes = head(8 + message.length, ERROR, transactionId)
  bytes.set(message, 8)
  return bytes
}

/** An announce answer around peers that are compact already: the way of the server. */
export function encodeAnnounceResponse(
  transactionId: number,
  interval: number,
  leechers: number,
  seeders: number,
  peers: readonly Uint8Array[],
): Uint8Array {
  const size = peers[0]?.length ?? 0
  const bytes = head(20 + size * peers.length, ANNOUNCE, transactionId)
  writeU32(bytes, 8, interval)
  writeU32(bytes, 12, leechers)
  writeU32(bytes, 16, seeders)
  let at = 20
  // Byte by byte: for six of them, `set` takes five times as long.
  for (const peer of peers) for (let i = 0; i < size; i++) bytes[at++] = peer[i] as number
  return bytes
}

/**
 * A tracker's datagram. `family` is that of the datagram: it decides the size of a peer entry.
 * Longer packets are legal; of the peers {@link MAX_PEERS} are taken. Codes: `tracker/short-datagram`,
 * `tracker/unknown-action`.
 */
export function decodeUdpResponse(bytes: Uint8Array, family: 4 | 6): Result<UdpResponse> {
  if (bytes.length < 8) return short(bytes)
  const action = readU32(bytes, 0)
  const transactionId = readU32(bytes, 4)
  if (action === CONNECT) {
    if (bytes.length < 16) return short(bytes)
    return { ok: true, value: { action: 'connect', transactionId, connectionId: readU64Exact(bytes, 8) } }
  }
  if (action === ANNOUNCE) {
    if (bytes.length < 20) return short(bytes)
    const size = family === 4 ? 6 : 18
    const count = Math.min(MAX_PEERS, Math.floor((bytes.length - 20) / size))
    const list = bytes.subarray(20, 20 + count * size)
    return {
      ok: true,
      value: {
        action: 'announce',
        transactionId,
        interval: readU32(bytes, 8),
        leechers: readU32(bytes, 12),
        seeders: readU32(bytes, 16),
        peers: decodeCompactList(list, family) ?? [],
      },
    }
  }
  if (action === SCRAPE) {
    const entries: UdpScrapeEntry[] = []
    for (let at = 8; at + 12 <= bytes.length; at += 12) {
      entries.push({
        complete: readU32(bytes, at),
        downloaded: readU32(bytes, at + 4),
        incomplete: readU32(bytes, at + 8),
      })
    }
    return { ok: true, value: { action: 'scrape', transactionId, entries } }
  }
  if (action === ERROR)
    return { ok: true, value: { action: 'error', transactionId, message: messageText(bytes.subarray(8)) } }
  return unknown(action, 0)
}

/**
 * A client's datagram. The connection id is not judged here. Codes: `tracker/short-datagram`,
 * `tracker/unknown-action`, `tracker/wrong-protocol` for a connect without the magic number.
 */
export function decodeUdpRequest(bytes: Uint8Array): Result<UdpRequest> {
  if (bytes.length < 16) return short(bytes)
  const action = readU32(bytes, 8)
  const transactionId = readU32(bytes, 12)
  if (action === CONNECT) {
    if (readU32(bytes, 0) !== 0x417 || readU32(bytes, 4) !== 0x2710_1980)
      return { ok: false, error: new ProtocolError('tracker/wrong-protocol', 'no connect request of BEP 15') }
    return { ok: true, value: { action: 'connect', transactionId } }
  }
  const connectionId = readU64Exact(bytes, 0)
  if (action === ANNOUNCE) {
    if (bytes.length < 98) return short(bytes)
    const wanted = readU32(bytes, 92) | 0
    return {
      ok: true,
      value: {
        action: 'announce',
        connectionId,
        transactionId,
        infoHash: bytes.slice(16, 36),
        peerId: bytes.slice(36, 56),
        downloaded: readU64(bytes, 56),
        left: readU64(bytes, 64),
        uploaded: readU64(bytes, 72),
        event: EVENTS[readU32(bytes, 80)],
        key: readU32(bytes, 88),
        numwant: wanted < 0 ? undefined : wanted,
        port: readU16(bytes, 96),
        urlData: bytes.length > 98 ? decodeUrlData(bytes.subarray(98)) : '',
      },
    }
  }
  if (action !== SCRAPE) return unknown(action, 8)
  const infoHashes: Uint8Array[] = []
  for (let at = 16; at + 20 <= bytes.length && infoHashes.length < SCRAPE_BATCH; at += 20)
    infoHashes.push(bytes.slice(at, at + 20))
  return { ok: true, value: { action: 'scrape', connectionId, transactionId, infoHashes } }
}

/** The URLData options of BEP 41 for a path with query, split where one exceeds 255 bytes. */
export function encodeUrlData(target: string): Uint8Array {
  const bytes = utf8(target)
  const options: Uint8Array[] = []
  for (let at = 0; at === 0 || at < bytes.length; at += 255) {
    const part = bytes.subarray(at, at + 255)
    options.push(Uint8Array.of(URL_DATA, part.length), part)
  }
  return concatBytes(...options)
}

/** The URL data that the options of an announce hold; unknown options are skipped, a cut one ends the list. */
export function decodeUrlData(options: Uint8Array): string {
  const parts: Uint8Array[] = []
  let at = 0
  while (at < options.length) {
    const type = options[at] as number
    if (type === END_OF_OPTIONS) break
    if (type === NOP) {
      at++
      continue
    }
    const length = options[at + 1]
    if (length === undefined || at + 2 + length > options.length) break
    if (type === URL_DATA) parts.push(options.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return fromUtf8(concatBytes(...parts))
}

const CONNECT = 0
const ANNOUNCE = 1
const SCRAPE = 2
const ERROR = 3
const EVENTS: readonly (AnnounceEvent | 'paused' | undefined)[] = [
  undefined,
  'completed',
  'started',
  'stopped',
  'paused',
]
const END_OF_OPTIONS = 0
const NOP = 1
const URL_DATA = 2

function head(length: number, action: number, transactionId: number): Uint8Array {
  const bytes = new Uint8Array(length)
  writeU32(bytes, 0, action)
  writeU32(bytes, 4, transactionId)
  return bytes
}

function writeU64(bytes: Uint8Array, at: number, value: number | bigint): void {
  if (typeof value === 'number') {
    writeU32(bytes, at, Math.floor(value / 0x1_0000_0000))
    writeU32(bytes, at + 4, value)
  } else {
    writeU32(bytes, at, Number(BigInt.asUintN(32, value >> 32n)))
    writeU32(bytes, at + 4, Number(BigInt.asUintN(32, value)))
  }
}

/** A u64 as a number when safe, else as bigint. */
function readU64(bytes: Uint8Array, at: number): number | bigint {
  const high = readU32(bytes, at)
  return high < 0x20_0000 ? high * 0x1_0000_0000 + readU32(bytes, at + 4) : readU64Exact(bytes, at)
}

function readU64Exact(bytes: Uint8Array, at: number): bigint {
  return (BigInt(readU32(bytes, at)) << 32n) | BigInt(readU32(bytes, at + 4))
}

function short(bytes: Uint8Array): { readonly ok: false; readonly error: ProtocolError } {
  const message = `a datagram of ${bytes.length} bytes is too short`
  return { ok: false, error: new ProtocolError('tracker/short-datagram', message, { offset: bytes.length }) }
}

function unknown(action: number, offset: number): { readonly ok: false; readonly error: ProtocolError } {
  return {
    ok: false,
    error: new ProtocolError('tracker/unknown-action', `action ${action} is unknown`, { offset }),
  }
}
