/**
 * Which strings of a torrent are addresses that we may later connect to.
 * @module
 */

import { asInteger, asList, asText, type BencodeValue } from '../bencode/index.js'

/** URLs kept per key: beyond any torrent in the field, and small enough to try them all. */
export const MAX_URLS = 1000
/** UTF-16 units of one URL; servers commonly refuse longer request lines. */
const MAX_URL_LENGTH = 4096

const AUTHORITY = '(?:[^\\s/?#@]*@)?(?:\\[[0-9a-f:.]+\\]|[^\\s/?#@:[\\]<>^|%\\\\]+)(?::\\d{1,5})?'
const TRACKER: RegExp = new RegExp(`^(?:https?|udp|wss?)://${AUTHORITY}(?:[/?#]\\S*)?$`, 'i')
const WEB_SEED: RegExp = new RegExp(`^(?:https?|ftp)://${AUTHORITY}(?:[/?#].*)?$`, 'i')

/** True for an absolute HTTP(S), UDP or WebSocket URL. */
export function isTrackerUrl(url: string): boolean {
  return url.length <= MAX_URL_LENGTH && TRACKER.test(url)
}

/** True for an absolute HTTP(S) or FTP URL; spaces are allowed in its path, as makers leave them there. */
export function isWebSeedUrl(url: string): boolean {
  return url.length <= MAX_URL_LENGTH && WEB_SEED.test(url)
}

/**
 * Tiers of `announce-list`, or else of `announce` (BEP 12). Bad URLs, repeated URLs and empty tiers are
 * dropped; a bare string among the tiers counts as a tier of its own.
 */
export function readTrackers(
  announceList: BencodeValue | undefined,
  announce: string | undefined,
): readonly (readonly string[])[] {
  const seen = new Set<string>()
  const tiers: string[][] = []
  for (const entry of asList(announceList) ?? []) {
    const tier: string[] = []
    for (const item of asList(entry) ?? [entry]) addUrl(item, isTrackerUrl, seen, tier)
    if (tier.length > 0) tiers.push(tier)
  }
  return tiers.length === 0 && announce !== undefined ? [[announce]] : tiers
}

/** URLs of a key that holds one string or a list (BEP 19, 17); bad and repeated ones are dropped. */
export function readWebSeeds(value: BencodeValue | undefined): readonly string[] {
  const seen = new Set<string>()
  const urls: string[] = []
  for (const item of asList(value) ?? [value]) addUrl(item, isWebSeedUrl, seen, urls)
  return urls
}

/** The DHT nodes of a trackerless torrent (BEP 5); entries that are no host and port are dropped. */
export function readNodes(value: BencodeValue | undefined): readonly { host: string; port: number }[] {
  const nodes: { host: string; port: number }[] = []
  for (const item of asList(value) ?? []) {
    const [first, second] = asList(item) ?? []
    const host = asText(first)
    const port = asInteger(second)
    if (host === undefined || port === undefined || !/^[^\s/@]{1,255}$/.test(host)) continue
    if (port >= 1 && port <= 65_535 && nodes.length < MAX_URLS) nodes.push({ host, port })
  }
  return nodes
}

function addUrl(
  value: BencodeValue | undefined,
  isUsable: (url: string) => boolean,
  seen: Set<string>,
  into: string[],
): void {
  const url = asText(value)?.trim()
  if (url === undefined || seen.size >= MAX_URLS || seen.has(url) || !isUsable(url)) return
  seen.add(url)
  into.push(url)
}
