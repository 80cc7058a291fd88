/**
 * Finds out what a session is asked to add: reads torrent files from wherever they are, magnet links, and
 * what a public key names in the DHT.
 * @module
 */

import { torrentOf } from '../dht/mutable-torrent.js'
import { isMagnet, type Magnet, parseMagnet } from '../metainfo/magnet.js'
import type { Metainfo } from '../metainfo/model.js'
import { parseMetainfo } from '../metainfo/parse.js'
import type { Dht } from '../net/dht/dht-api.js'
import { readAll } from '../net/http/body.js'
import type { World } from '../net/world.js'
import { readTorrentFile, writeTorrentFile } from '../storage/backend/torrent-file.js'
import { idOf, namesInfo } from '../torrent/infohashes.js'
import { sourceOfMagnet, sourceOfMetainfo, type TorrentSource } from '../torrent/source.js'
import { abortable } from '../util/async/deferred.js'
import { fromHex } from '../util/bytes.js'
import { RarestError } from '../util/errors.js'
import type { Publication } from './mutable-torrents.js'

/** Bytes of a .torrent fetched from a URL (libtorrent: 10 MB; a 2^21-piece torrent has 42 MB). */
const MAX_TORRENT_FILE = 64 * 1024 * 1024
const FETCH_TIMEOUT = 30_000
/** Piece layers that are not there come from peers; wrong ones are refused. */
const LENIENT = { pieceLayers: 'lenient' } as const

export interface SourceReaderOptions {
  readonly world: World
  readonly dht: Dht | undefined
  /** Folder with the torrent files of magnets that were fetched before, if one is kept. */
  readonly cache: () => string | false
}

/** What was asked for, and the key that may name another torrent some day. */
export interface FoundSource {
  readonly source: TorrentSource
  readonly publication: Publication | undefined
}

export class SourceReader {
  readonly #options: SourceReaderOptions

  constructor(options: SourceReaderOptions) {
    this.#options = options
  }

  /** See `Session.add`. `signal` ends it, and is the caller's or the session's. */
  async read(source: string | URL | Uint8Array | Metainfo, signal: AbortSignal): Promise<FoundSource> {
    if (source instanceof Uint8Array) return plain(sourceOfMetainfo(parseMetainfo(source, LENIENT)))
    if (typeof source !== 'string' && !(source instanceof URL)) return plain(sourceOfMetainfo(source))
    const text = String(source)
    if (isMagnet(text)) return this.#magnet(parseMagnet(text), signal)
    const bytes = /^https?:/i.test(text)
      ? await this.#fetch(text, signal)
      : await abortable(readTorrentFile(source, MAX_TORRENT_FILE), signal)
    return plain(sourceOfMetainfo(parseMetainfo(bytes, LENIENT)))
  }

  /** Keeps the torrent file of a magnet, for the next time. Rejects with the system's code. */
  async keep(infoHash: string, metainfo: Metainfo): Promise<void> {
    const cache = this.#options.cache()
    if (cache !== false) await writeTorrentFile(`${cache}/${infoHash}.torrent`, metainfo.bytes)
  }

  async #magnet(link: Magnet, signal: AbortSignal): Promise<FoundSource> {
    if (!link.infoHash && !link.infoHashV2) return this.#resolve(link, signal)
    const { publicKey } = link
    const publication = publicKey && { link, publicKey, item: undefined }
    return { source: await this.#known(link, signal), publication }
  }

  /** A torrent whose metadata may have been fetched before. */
  async #known(magnet: Magnet, signal: AbortSignal): Promise<TorrentSource> {
    const found = sourceOfMagnet(magnet)
    const cache = this.#options.cache()
    if (cache === false) return found
    try {
      const path = `${cache}/${idOf(found.hashes)}.torrent`
      const metainfo = parseMetainfo(
        await abortable(readTorrentFile(path, MAX_TORRENT_FILE), signal),
        LENIENT,
      )
      if (!namesInfo(found.hashes, metainfo.infoBytes)) return found
      const kept = sourceOfMetainfo(metainfo)
      const { magnet, trackers, peers, select } = found
      return { ...kept, magnet, trackers, peers, select }
    } catch {
      signal.throwIfAborted()
      // Nothing is kept, or nothing of use.
      return found
    }
  }

  /** The torrent that a key signed last (BEP 46). */
  async #resolve(link: Magnet, signal: AbortSignal): Promise<FoundSource> {
    const { dht } = this.#options
    const { publicKey, salt } = link
    if (!publicKey || !dht)
      throw new RarestError('session/needs-dht', 'this link names a key: what it stands for is in the DHT')
    const found = await dht.getMutable(publicKey, { signal, ...(salt ? { salt } : {}) })
    const infoHash = found && torrentOf(found.item.value)
    if (!infoHash)
      throw new RarestError('session/not-found', 'the DHT has no torrent for the key that the link names')
    const source = await this.#known({ ...link, infoHash: fromHex(infoHash) }, signal)
    return { source, publication: { link, publicKey, item: found.item } }
  }

  async #fetch(url: string, signal: AbortSignal): Promise<Uint8Array> {
    const response = await this.#options.world.fetch({
      url,
      limits: { bodyBytes: MAX_TORRENT_FILE, firstByte: FETCH_TIMEOUT, total: FETCH_TIMEOUT },
      signal,
    })
    if (response.status === 200) return readAll(response.body)
    response.cancel()
    throw new RarestError('session/http-status', `${url} answered with status ${response.status}`)
  }
}

function plain(source: TorrentSource): FoundSource {
  return { source, publication: undefined }
}
