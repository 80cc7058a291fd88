/**
 * Torrents that change under one name (BEP 46): the session looks every now and then what the key of a magnet
 * link has signed last, and tells when it is another torrent.
 * @module
 */

import { type MutableItem, mutableTarget } from '../dht/items.js'
import { torrentOf } from '../dht/mutable-torrent.js'
import { formatMagnet, type Magnet } from '../metainfo/magnet.js'
import type { Dht } from '../net/dht/dht-api.js'
import type { TorrentUpdate, Warning } from '../torrent/events.js'
import type { Torrent } from '../torrent/torrent-api.js'
import { toHex } from '../util/bytes.js'
import { errorCode, errorMessage } from '../util/errors.js'
import type { AddOptions } from './add-options.js'

/** A key that names torrents, as far as it is known. */
export interface Publication {
  readonly link: Magnet
  /** 32 bytes, Ed25519. */
  readonly publicKey: Uint8Array
  /** What it signed last; undefined while the link itself says which torrent to begin with. */
  readonly item: MutableItem | undefined
}

/** What a session lends to its watch. */
export interface UpdateServices {
  readonly dht: Dht
  readonly told: (torrent: Torrent, update: TorrentUpdate) => void
  /** `Session.add`. */
  readonly add: (magnet: string, options: AddOptions) => Promise<Torrent>
  readonly followed: (torrent: Torrent, previous: Torrent) => void
  readonly warning: (warning: Warning & { readonly torrent: Torrent }) => void
}

/** All torrents of a session that a key names. */
export class UpdateWatch {
  readonly #services: UpdateServices
  readonly #watched = new Map<Torrent, AbortController>()
  /** By target: the highest number met, below which nothing is new, though somebody may replay it. */
  readonly #seen = new Map<string, bigint>()

  constructor(services: UpdateServices) {
    this.#services = services
  }

  /**
   * Watches what came from a key, unless `options.updates` is false: until {@link UpdateWatch.end}, or until the
   * torrent turns out private, as such stay out of the DHT (BEP 27). The options of the last call hold.
   */
  watch(torrent: Torrent, publication: Publication | undefined, options: AddOptions): void {
    if (options.updates !== undefined) this.end(torrent)
    if (!publication || options.updates === false || this.#watched.has(torrent)) return
    const abort = new AbortController()
    this.#watched.set(torrent, abort)
    // Ends by its signal, or with the DHT.
    this.#run(torrent, publication, options, abort.signal).catch(() => {})
  }

  end(torrent: Torrent): void {
    this.#watched.get(torrent)?.abort(new Error('the torrent is no longer watched'))
    this.#watched.delete(torrent)
  }

  async #run(
    torrent: Torrent,
    { link, publicKey, item }: Publication,
    options: AddOptions,
    signal: AbortSignal,
  ): Promise<void> {
    const { dht } = this.#services
    const { interval } = options.updates || {}
    const { salt } = link
    const key = toHex(mutableTarget(publicKey, salt))
    if (item) this.#met(key, item, signal)
    const after = this.#seen.get(key)
    let current = [torrent.infoHash, torrent.infoHashV2?.slice(0, 40)]
    const looks = dht.updates(publicKey, {
      signal,
      ...(salt && { salt }),
      ...(after !== undefined && { after }),
      ...(interval !== undefined && { interval }),
    })
    for await (const found of looks) {
      if (torrent.metainfo?.private) {
        this.end(torrent)
        return
      }
      const infoHash = torrentOf(found.item.value)
      if (!infoHash) continue
      this.#met(key, found.item, signal)
      if (current.includes(infoHash)) continue
      current = [infoHash]
      const { trackers, peers } = link
      const magnet = formatMagnet({ infoHash, publicKey, salt, trackers, peers })
      const update = { infoHash, seq: found.item.seq, magnet }
      this.#tell(torrent, update, options)
    }
  }

  #tell(torrent: Torrent, update: TorrentUpdate, options: AddOptions): void {
    if (options.updates !== false && options.updates?.follow) void this.#replace(torrent, update, options)
    this.#services.told(torrent, update)
  }

  async #replace(previous: Torrent, { magnet }: TorrentUpdate, options: AddOptions): Promise<void> {
    const { add, followed, warning } = this.#services
    const { signal: _, select: __, ...rest } = options
    const paused = previous.state === 'paused'
    await previous.close()
    try {
      followed(await add(magnet, { ...rest, paused }), previous)
    } catch (error) {
      warning({ code: errorCode(error), message: errorMessage(error), torrent: previous })
    }
  }

  /** Readers put items again as well as those who signed them (BEP 46). */
  #met(key: string, item: MutableItem, signal: AbortSignal): void {
    const seen = this.#seen.get(key)
    if (seen === undefined || item.seq > seen) this.#seen.set(key, item.seq)
    this.#services.dht.putItem(item, { keep: true, signal }).catch(() => {})
  }
}
