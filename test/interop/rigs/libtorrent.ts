/** libtorrent 2.0 in a process of its own, through `libtorrent-driver.py`. */

import { fileURLToPath } from 'node:url'
import { type ChildMessage, JsonChild } from './child.mjs'
import { type Place, spawnIn } from './namespaces.js'

const DRIVER = fileURLToPath(new URL('libtorrent-driver.py', import.meta.url))

export interface LibtorrentOptions {
  /** Addresses to listen on, each a peer of its own. Default 127.0.0.1. */
  readonly listen?: readonly string[]
  readonly port?: number
  /** Default tcp. */
  readonly transport?: 'tcp' | 'utp' | 'both'
  /** Default plain. */
  readonly encryption?: 'plain' | 'prefer' | 'rc4' | 'handshake'
  /** Raw libtorrent settings, applied last. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

export interface LibtorrentCreate {
  readonly path: string
  /** Where to write the torrent file. */
  readonly out?: string
  readonly pieceLength?: number
  readonly version?: '1' | '2' | 'hybrid'
  /** Each in a tier of its own. */
  readonly trackers?: readonly string[]
  readonly webSeeds?: readonly string[]
  readonly private?: boolean
}

/** What libtorrent reads from a torrent file. */
export interface LibtorrentInfo {
  readonly infoHash: string
  readonly infoHashV2: string | null
  readonly name: string
  readonly pieceLength: number
  readonly pieceCount: number
  readonly size: number
  readonly private: boolean
  /** Without pad files. */
  readonly files: readonly { readonly path: string; readonly length: number }[]
  readonly trackers: readonly string[]
  readonly webSeeds: readonly string[]
  readonly magnet: string
}

export interface LibtorrentStatus {
  /** Verified bytes. */
  readonly done: number
  /** Payload bytes. */
  readonly downloaded: number
  readonly uploaded: number
  readonly seeding: boolean
  readonly torrentError: string | null
  readonly peers: readonly {
    readonly address: string
    readonly client: string
    readonly down: number
    readonly up: number
    readonly utp: boolean
    readonly rc4: boolean
    readonly seed: boolean
    /** How many it has, as far as libtorrent knows. */
    readonly pieces: number
  }[]
}

export class Libtorrent {
  readonly child: JsonChild
  /** `host:port` of each listening address. */
  readonly addresses: readonly string[]

  static async start(options: LibtorrentOptions = {}, place: Place = {}): Promise<Libtorrent> {
    const program = spawnIn(place, '/usr/bin/python3', [DRIVER, JSON.stringify(options)])
    const child = new JsonChild('libtorrent', ...program)
    try {
      const { listening } = await child.event('ready')
      return new Libtorrent(child, listening)
    } catch (error) {
      await child.stop()
      throw error
    }
  }

  private constructor(child: JsonChild, addresses: readonly string[]) {
    this.child = child
    this.addresses = addresses
  }

  get address(): string {
    return this.addresses[0] as string
  }

  get log(): string {
    return this.child.log
  }

  async create(options: LibtorrentCreate): Promise<LibtorrentInfo> {
    return (await this.child.request({ cmd: 'create', ...options })) as unknown as LibtorrentInfo
  }

  async parse(torrent: string): Promise<LibtorrentInfo> {
    return (await this.child.request({ cmd: 'parse', torrent })) as unknown as LibtorrentInfo
  }

  /** Adds a torrent file and resolves when existing data is checked. `seedMode` trusts that it is all there. */
  async add(
    torrent: string,
    dir: string,
    options: {
      readonly seedMode?: boolean
      readonly sequential?: boolean
      readonly trackers?: readonly string[]
      readonly pex?: boolean
    } = {},
  ): Promise<string> {
    const { infoHash } = await this.child.request({ cmd: 'add', torrent, dir, ...options })
    for (const _ of this.addresses)
      await this.child.event('checked', { match: (event) => event.infoHash === infoHash })
    return infoHash
  }

  /** Adds a magnet link; its data is checked when peers gave the metadata. */
  async addMagnet(magnet: string, dir: string): Promise<string> {
    const { infoHash } = await this.child.request({ cmd: 'add', magnet, dir })
    return infoHash
  }

  async connect(infoHash: string, peers: readonly string[]): Promise<void> {
    await this.child.request({ cmd: 'connect', infoHash, peers })
  }

  /** Resolves when all of the torrent is there, verified and written, at the first address. */
  async finished(infoHash: string, timeout = 30_000): Promise<void> {
    const match = (event: ChildMessage): boolean => event.infoHash === infoHash
    await this.child.event('finished', { timeout, match })
    await this.child.request({ cmd: 'flush', infoHash })
    await this.child.event('flushed', { match })
  }

  async status(infoHash: string): Promise<LibtorrentStatus> {
    return (await this.child.request({ cmd: 'status', infoHash })) as unknown as LibtorrentStatus
  }

  async remove(infoHash: string): Promise<void> {
    await this.child.request({ cmd: 'remove', infoHash })
  }

  async stop(): Promise<void> {
    await this.child.stop()
  }
}
