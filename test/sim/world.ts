/**
 * Builds swarms of whole sessions in the virtual world.
 */

import { sha1 } from '#hash'
import { encode } from '../../src/bencode/index.js'
import { type Metainfo, parseMetainfo, Session, type SessionOptions, type Torrent } from '../../src/index.js'
import { TrackerServer } from '../../src/net/tracker-server.js'
import type { AddOptions } from '../../src/session.js'
import { type HostOptions, type VirtualHost, VirtualNetwork } from '../../src/testing/index.js'
import { seededRandom } from '../support/random.js'

export const MIB = 1024 * 1024

export interface Content {
  readonly data: Uint8Array
  readonly metainfo: Metainfo
}

/** A single-file torrent of random bytes. */
export function content(size: number, pieceLength: number, trackers: readonly string[] = []): Content {
  const data = seededRandom(size).bytes(size)
  const pieces = new Uint8Array(Math.ceil(size / pieceLength) * 20)
  for (let i = 0; i * pieceLength < size; i++) {
    pieces.set(sha1(data.subarray(i * pieceLength, Math.min(size, (i + 1) * pieceLength))), i * 20)
  }
  const torrent = encode({
    'announce-list': trackers.map((url) => [url]),
    info: { length: size, name: 'data.bin', 'piece length': pieceLength, pieces },
  })
  return { data, metainfo: parseMetainfo(torrent) }
}

export interface Member {
  readonly host: VirtualHost
  readonly session: Session
  readonly torrent: Torrent
}

/** A virtual network with sessions in it. `close` ends them all, in virtual time. */
export class Sim {
  readonly network: VirtualNetwork
  readonly members: Member[] = []
  readonly #closers: (() => Promise<void>)[] = []

  constructor(seed: number, options: Omit<ConstructorParameters<typeof VirtualNetwork>[0], 'seed'> = {}) {
    this.network = new VirtualNetwork({ seed, ...options })
  }

  /** A session on a host of its own with the torrent added; with the data on its disk when `seed`. */
  async join(
    torrent: Content,
    options: { host?: HostOptions; session?: SessionOptions; add?: AddOptions; seed?: boolean } = {},
  ): Promise<Member> {
    const host = this.network.host(options.host)
    if (options.seed) host.disk.writeFile('downloads/data.bin', torrent.data)
    const session = new Session({
      world: host.world,
      storage: () => host.disk.backend(),
      port: 6881,
      ...options.session,
    })
    this.#closers.push(() => session.close())
    const added = await this.network.run({ until: session.add(torrent.metainfo, options.add) })
    const member = { host, session, torrent: added }
    this.members.push(member)
    return member
  }

  /** A tracker at a name; returns its announce URL. */
  async tracker(name: string): Promise<string> {
    const host = this.network.host()
    this.network.names.set(name, [host.ip])
    const server = new TrackerServer({ world: host.world, host: host.ip, port: 6969, interval: 1800 })
    this.#closers.push(() => server.close())
    await this.network.run({ until: server.listen() })
    return `http://${name}:6969/announce`
  }

  /** Runs until the promise settles. */
  run<T>(until: Promise<T>, limit?: number): Promise<T> {
    return this.network.run(limit === undefined ? { until } : { until, limit })
  }

  async close(): Promise<void> {
    await this.network.run({ until: Promise.all(this.#closers.map((close) => close())) })
  }
}

/** Address of a member for `peers`. */
export function at(member: Member): string {
  return `${member.host.ip}:6881`
}
