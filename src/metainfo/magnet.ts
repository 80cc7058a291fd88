/**
 * Magnet links (BEP 9, 46, 52, 53): `magnet:?` and pairs. What is optional and broken is dropped; what names
 * the torrent and is broken is refused. Links are read as people paste them: with blanks, quotes or angle
 * brackets around them, `&amp;` for `&`, escaped twice, or as the bare infohash.
 *
 * | code | when |
 * |---|---|
 * | `magnet/not-a-magnet` | it does not begin with `magnet:`, and is no infohash |
 * | `magnet/too-long` | above 64 KiB |
 * | `magnet/no-infohash` | neither an infohash nor a public key |
 * | `magnet/bad-infohash` | wrong length or characters |
 * | `magnet/unsupported-hash` | a multihash that is not SHA-256 |
 * | `magnet/conflict` | two different hashes of a kind |
 * @module
 */

import { fromHex, fromUtf8, toHex, utf8 } from '../util/bytes.js'
import { type ErrorCode, ProtocolError, type Result } from '../util/errors.js'
import { hashBytes, type InfoHash } from './infohash.js'
import type { Metainfo } from './model.js'
import { readableName } from './paths.js'
import { isTrackerUrl, isWebSeedUrl } from './urls.js'

/** What a magnet link says. */
export interface Magnet {
  /** v1, 20 bytes. */
  readonly infoHash?: Uint8Array | undefined
  /** v2, 32 bytes. */
  readonly infoHashV2?: Uint8Array | undefined
  /** `dn`, a name to show. */
  readonly name?: string | undefined
  readonly trackers: readonly string[]
  readonly webSeeds: readonly string[]
  /** `xs`, other than public keys: where the torrent file itself may lie. */
  readonly exactSource: readonly string[]
  /** `x.pe`; hosts are names or addresses. */
  readonly peers: readonly { readonly host: string; readonly port: number }[]
  /** `so`: indices of the files to fetch, pads not counted, ascending; empty means all (BEP 53). */
  readonly select: readonly number[]
  /** `xl`, bytes. */
  readonly length?: number | undefined
  /** `kt`. */
  readonly keywords: readonly string[]
  /** `xs=urn:btpk:`, 32 bytes: the torrent is what this key signed last (BEP 46). */
  readonly publicKey?: Uint8Array | undefined
  /** `s`, with a public key. */
  readonly salt?: Uint8Array | undefined
}

/** What a magnet link is to say: infohashes in hex or bytes. */
export interface MagnetFields extends Partial<Omit<Magnet, 'infoHash' | 'infoHashV2'>> {
  /** 40 hex digits, or 20 bytes. */
  readonly infoHash?: InfoHash | undefined
  /** 64 hex digits, or 32 bytes. */
  readonly infoHashV2?: InfoHash | undefined
}

const MAX_LENGTH = 65_536
/** Entries kept of each repeatable key. */
const MAX_ENTRIES = 200
/** Indices of files that a link may choose: more than any torrent that loads has. */
const MAX_SELECTED = 1 << 18

/** `magnet:?`, and `magnet://?` and `magnet:///?` of programs that put every link into the form of a URL. */
const SCHEME = /^magnet:(?:\/{2,3})?\?/i
/** What pages, mails and editors leave around a link: blanks, quotes, angle brackets, marks without width. */
const AROUND = /[\s"'<>\u200b-\u200f\u2060\ufeff]/

/** True for what {@link parseMagnet} takes for a magnet link or a bare infohash: no path or URL of a torrent file. */
export function isMagnet(text: string): boolean {
  return /^magnet:/i.test(stripped(text)) || bareHash(text) !== undefined
}

/**
 * Reads a magnet link, or an infohash in hex (40 or 64 digits) or base32 (32 letters). Throws
 * {@link ProtocolError} with a code of the table above.
 */
export function parseMagnet(uri: string): Magnet {
  if (uri.length > MAX_LENGTH) throw refuse('magnet/too-long', `the link has ${uri.length} characters`)
  const link = bareHash(uri) ?? stripped(uri)
  const scheme = SCHEME.exec(link)
  if (!scheme) throw refuse('magnet/not-a-magnet', 'the link does not begin with magnet:?')
  const rest = link.slice(scheme[0].length)
  // Some pages escape the whole of it.
  const query = rest.includes('=') ? rest : unescapePercent(rest)
  const magnet = {
    infoHash: undefined as Uint8Array | undefined,
    infoHashV2: undefined as Uint8Array | undefined,
    name: undefined as string | undefined,
    trackers: [] as string[],
    webSeeds: [] as string[],
    exactSource: [] as string[],
    peers: [] as { host: string; port: number }[],
    select: [] as readonly number[],
    length: undefined as number | undefined,
    keywords: [] as string[],
    publicKey: undefined as Uint8Array | undefined,
    salt: undefined as Uint8Array | undefined,
  }
  const keep = (list: string[], value: string, usable: boolean): void => {
    if (usable && list.length < MAX_ENTRIES && !list.includes(value)) list.push(value)
  }
  for (const part of query.split('&')) {
    const pair = part.replace(/^(?:amp;)+/i, '')
    const at = pair.indexOf('=')
    if (at < 0) continue
    // Some makers number their keys: tr.1, xt.2. `x.pe` has a dot of its own.
    const key = pair
      .slice(0, at)
      .toLowerCase()
      .replace(/\.\d+$/, '')
    const value = unescapePercent(pair.slice(at + 1))
    switch (key) {
      case 'xt':
        readTopic(magnet, plainUri(value))
        break
      case 'dn':
        // Makers that write forms put `+` for a space; we write %20 and %2B.
        magnet.name ??= unescapePercent(pair.slice(at + 1).replaceAll('+', ' '))
        break
      case 'tr': {
        const url = plainUri(value)
        keep(magnet.trackers, url, isTrackerUrl(url))
        break
      }
      case 'ws': {
        const url = plainUri(value)
        keep(magnet.webSeeds, url, isWebSeedUrl(url))
        break
      }
      case 'xs':
        if (/^urn:btpk:/i.test(value)) magnet.publicKey ??= keyOf(value.slice('urn:btpk:'.length))
        else keep(magnet.exactSource, value, true)
        break
      case 's':
        magnet.salt ??= saltOf(value)
        break
      case 'x.pe': {
        const peer = readPeer(value)
        if (peer && magnet.peers.length < MAX_ENTRIES) magnet.peers.push(peer)
        break
      }
      case 'so':
        magnet.select = readSelection(value)
        break
      case 'xl':
        if (/^\d{1,16}$/.test(value) && Number.isSafeInteger(Number(value))) magnet.length = Number(value)
        break
      case 'kt':
        for (const word of pair.slice(at + 1).split('+'))
          keep(magnet.keywords, unescapePercent(word), word !== '')
        break
      default:
        break
    }
  }
  if (!magnet.infoHash && !magnet.infoHashV2 && !magnet.publicKey)
    throw refuse('magnet/no-infohash', 'the link names no torrent')
  return magnet
}

/** {@link parseMagnet} as a result: no text makes it throw. */
export function tryParseMagnet(uri: string): Result<Magnet> {
  try {
    return { ok: true, value: parseMagnet(uri) }
  } catch (error) {
    if (error instanceof ProtocolError) return { ok: false, error }
    throw error
  }
}

/** Writes a magnet link: what {@link parseMagnet} reads back to the same. Throws TypeError or RangeError for what is no infohash. */
export function formatMagnet(magnet: MagnetFields): string {
  const pairs: string[] = []
  const add = (key: string, value: string): void => void pairs.push(`${key}=${value}`)
  const { infoHash, infoHashV2 } = magnet
  if (infoHash) add('xt', `urn:btih:${toHex(hashBytes('infoHash', infoHash, [20]))}`)
  if (infoHashV2) add('xt', `urn:btmh:1220${toHex(hashBytes('infoHashV2', infoHashV2, [32]))}`)
  if (magnet.publicKey) add('xs', `urn:btpk:${toHex(magnet.publicKey)}`)
  if (magnet.salt) add('s', toHex(magnet.salt))
  if (magnet.name !== undefined) add('dn', escapePercent(magnet.name))
  if (magnet.length !== undefined) add('xl', String(magnet.length))
  if (magnet.select && magnet.select.length > 0) add('so', formatSelection(magnet.select))
  for (const url of magnet.trackers ?? []) add('tr', escapePercent(url))
  for (const url of magnet.webSeeds ?? []) add('ws', escapePercent(url))
  for (const source of magnet.exactSource ?? []) add('xs', escapePercent(source))
  for (const { host, port } of magnet.peers ?? [])
    add('x.pe', host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
  if (magnet.keywords && magnet.keywords.length > 0) add('kt', magnet.keywords.map(escapePercent).join('+'))
  return `magnet:?${pairs.join('&')}`
}

/**
 * The magnet link of a torrent: infohashes, name, size, trackers in tier order, web seeds. What a link
 * cannot say is lost: tiers, and the private flag, so that a private torrent is better shared as a file.
 */
export function magnetOf(metainfo: Metainfo): string {
  const { infoHash, infoHashV2, name, size, trackers, webSeeds } = metainfo
  return formatMagnet({ infoHash, infoHashV2, name, length: size, trackers: trackers.flat(), webSeeds })
}

function readTopic(
  magnet: { infoHash: Uint8Array | undefined; infoHashV2: Uint8Array | undefined },
  value: string,
): void {
  if (/^urn:btih:/i.test(value)) {
    const text = value.slice('urn:btih:'.length)
    const hash =
      text.length === 40 ? fromHex(text.toLowerCase()) : text.length === 32 ? fromBase32(text) : undefined
    if (!hash) throw refuse('magnet/bad-infohash', 'urn:btih needs 40 hex digits or 32 of base32')
    magnet.infoHash = agree(magnet.infoHash, hash)
  } else if (/^urn:btmh:/i.test(value)) {
    const bytes = fromHex(value.slice('urn:btmh:'.length).toLowerCase())
    if (!bytes || bytes.length < 2) throw refuse('magnet/bad-infohash', 'urn:btmh needs a multihash in hex')
    if (bytes[0] !== 0x12 || bytes[1] !== 0x20)
      throw refuse('magnet/unsupported-hash', 'urn:btmh must be a SHA-256 multihash (1220...)')
    if (bytes.length !== 34)
      throw refuse('magnet/bad-infohash', `urn:btmh has ${bytes.length - 2} of 32 bytes`)
    magnet.infoHashV2 = agree(magnet.infoHashV2, bytes.slice(2))
  }
}

function agree(known: Uint8Array | undefined, found: Uint8Array): Uint8Array {
  if (known && toHex(known) !== toHex(found)) throw refuse('magnet/conflict', 'the link names two torrents')
  return found
}

function keyOf(text: string): Uint8Array {
  const key = fromHex(text.toLowerCase())
  if (key?.length !== 32) throw refuse('magnet/bad-infohash', 'urn:btpk needs 64 hex digits')
  return key
}

/** BEP 44 allows 64 bytes. */
function saltOf(text: string): Uint8Array | undefined {
  return text === '' || text.length > 128 ? undefined : fromHex(text)
}

function readPeer(value: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-f:.]{2,45})\]|([^\s:[\]/]{1,253})):(\d{1,5})$/i.exec(value)
  const port = Number(match?.[3])
  if (!match || port < 1 || port > 65_535) return undefined
  return { host: (match[1] ?? match[2]) as string, port }
}

function readSelection(value: string): readonly number[] {
  const chosen = new Set<number>()
  let room = MAX_SELECTED
  for (const part of value.split(',')) {
    const match = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part)
    if (!match) continue
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    // As if it were not there: it names no files, or more than any torrent has. Repetitions count too.
    if (last < first || last - first >= room) continue
    room -= last - first + 1
    for (let index = first; index <= last; index++) chosen.add(index)
  }
  return [...chosen].sort((a, b) => a - b)
}

function formatSelection(indices: readonly number[]): string {
  const parts: string[] = []
  for (let at = 0; at < indices.length; at++) {
    const first = indices[at] as number
    let last = first
    while (indices[at + 1] === last + 1) last = indices[++at] as number
    parts.push(first === last ? String(first) : `${first}-${last}`)
  }
  return parts.join(',')
}

function fromBase32(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array((text.length * 5) >> 3)
  let bits = 0
  let held = 0
  let at = 0
  for (const letter of text.toUpperCase()) {
    const value = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter)
    if (value < 0) return undefined
    held = ((held << 5) | value) & 0xffff
    bits += 5
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (held >> bits) & 0xff
    }
  }
  return bytes
}

/** Lone surrogates, which no URI can hold, become U+FFFD. */
function escapePercent(text: string): string {
  return encodeURIComponent(fromUtf8(utf8(text)))
}

/** `+` stands for itself in URLs. Bytes that are not UTF-8 become Latin-1 or `_`; what is no escape stays. */
function unescapePercent(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    readableName(fromHex(run.replaceAll('%', '').toLowerCase()) as Uint8Array),
  )
}

/** A URI without blanks around it, and without the second and third escaping that some pages put over the first. */
function plainUri(text: string): string {
  let uri = text.trim()
  for (let times = 0; times < 2 && /^[a-z][a-z0-9+.-]*%(?:25)?3a/i.test(uri); times++)
    uri = unescapePercent(uri).trim()
  return uri
}

/** A link without what stands {@link AROUND} it. */
function stripped(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && AROUND.test(text[from] as string)) from++
  while (to > from && AROUND.test(text[to - 1] as string)) to--
  return text.slice(from, to)
}

/** The link for a bare infohash, or undefined. */
function bareHash(text: string): string | undefined {
  const hash = stripped(text)
  if (/^(?:[0-9a-f]{40}|[a-z2-7]{32})$/i.test(hash)) return `magnet:?xt=urn:btih:${hash}`
  return /^[0-9a-f]{64}$/i.test(hash) ? `magnet:?xt=urn:btmh:1220${hash}` : undefined
}

function refuse(code: ErrorCode, message: string): ProtocolError {
  return new ProtocolError(code, message)
}
