/**
 * Builds swarms of whole sessions in the virtual world.
 */

import { expect, it } from 'vitest'
import { sha1 } from '#hash'
import { encode } from '../../src/bencode/index.js'
import { type Metainfo, parseMetainfo, Session, type SessionOptions, type Torrent } from '../../src/index.js'
import { magnetOf } from '../../src/metainfo/index.js'
import { TrackerServer } from '../../src/net/tracker/server.js'
import type { AddOptions } from '../../src/session/add-options.js'
import { type HostOptions, type VirtualHost, VirtualNetwork } from '../../src/testing/index.js'
import type { Warning } from '../../src/torrent/events.js'
import { concatBytes } from '../../src/util/bytes.js'
import { seededRandom } from '../support/random.js'
import { type RawOptions, RawPeer } from './raw-peer.js'

export const KIB = 1024
export const MIB = 1024 * 1024

export interface Content {
  readonly data: Uint8Array
  readonly metainfo: Metainfo
  /** The files that a seed has, by path below its download folder. Pads are none. */
  readonly files: readonly { readonly path: string; readonly data: Uint8Array }[]
}

/** A single-file torrent of random bytes. */
export function content(size: number, pieceLength: number, trackers: readonly string[] = []): Content {
  const data = seededRandom(size).bytes(size)
  const info = {
    length: size,
    name: 'data.bin',
    'piece length': pieceLength,
    pieces: hashes(data, pieceLength),
  }
  return { data, metainfo: metainfoOf(info, trackers), files: [{ path: 'data.bin', data }] }
}

/** A torrent of several files below the folder `set`: lengths in order, negative ones are pads. */
export function contentOfFiles(
  lengths: readonly number[],
  pieceLength: number,
  options: { readonly trackers?: readonly string[]; readonly private?: boolean } = {},
): Content {
  const random = seededRandom(lengths.length)
  const files = lengths.map((length, index) => ({
    pad: length < 0,
    name: length < 0 ? `.pad/${index}` : `file-${index}.bin`,
    data: length < 0 ? new Uint8Array(-length) : random.bytes(length),
  }))
  const data = concatBytes(...files.map((file) => file.data))
  const info = {
    files: files.map(({ pad, name, data }) => ({
      ...(pad ? { attr: 'p' } : {}),
      length: data.length,
      path: name.split('/'),
    })),
    name: 'set',
    'piece length': pieceLength,
    pieces: hashes(data, pieceLength),
    ...(options.private ? { private: 1 } : {}),
  }
  return {
    data,
    metainfo: metainfoOf(info, options.trackers ?? []),
    files: files.filter(({ pad }) => !pad).map(({ name, data }) => ({ path: `set/${name}`, data })),
  }
}

export interface JoinOptions {
  readonly host?: HostOptions
  readonly session?: SessionOptions
  readonly add?: AddOptions
  /** Puts the data on the disk first. */
  readonly seed?: boolean
  /** Gives the session a magnet link instead of the torrent: this one, or that of the torrent. */
  readonly magnet?: boolean | string
  /** Uses this machine instead of a new one. */
  readonly on?: VirtualHost
  /** Sees the torrent before anything has happened to it. */
  readonly added?: (torrent: Torrent) => void
}

export interface Member {
  readonly host: VirtualHost
  readonly session: Session
  readonly torrent: Torrent
  /** What the torrent emitted, from the first moment. */
  readonly closes: { readonly address: string; readonly code: string }[]
  readonly warnings: Warning[]
  readonly pieces: number[]
}

/** A virtual network with sessions in it. `close` ends them all, in virtual time. */
export class Sim {
  readonly network: VirtualNetwork
  readonly members: Member[] = []
  readonly trackerServers: TrackerServer[] = []
  readonly #closers: (() => Promise<void>)[] = []
  readonly #hosts: Set<VirtualHost> = new Set()

  constructor(seed: number, options: Omit<ConstructorParameters<typeof VirtualNetwork>[0], 'seed'> = {}) {
    this.network = new VirtualNetwork({ seed, ...options })
  }

  /** A session on a host of its own with the torrent added; with the data on its disk when `seed`. */
  async join(torrent: Content, options: JoinOptions = {}): Promise<Member> {
    const host = options.on ?? this.network.host(options.host)
    if (options.seed) store(host, torrent)
    const session = new Session({
      world: host.world,
      storage: () => host.disk.backend(),
      port: 6881,
      utp: false,
      ...options.session,
    })
    this.#hosts.add(host)
    this.#closers.push(() => session.close())
    const closes: Member['closes'] = []
    const warnings: Warning[] = []
    const pieces: number[] = []
    session.on('added', (added) => {
      added.on('peer-closed', (address, code) => closes.push({ address, code }))
      added.on('warning', (warning) => warnings.push(warning))
      added.on('piece', (piece) => pieces.push(piece))
      options.added?.(added)
    })
    const { magnet } = options
    const source = magnet ? (magnet === true ? magnetOf(torrent.metainfo) : magnet) : torrent.metainfo
    const added = await this.network.run({ until: session.add(source, options.add) })
    const member = { host, session, torrent: added, closes, warnings, pieces }
    this.members.push(member)
    return member
  }

  /** A tracker at a name; returns its announce URL. */
  async tracker(name: string): Promise<string> {
    const host = this.network.host()
    this.network.names.set(name, [host.ip])
    const server = new TrackerServer({ world: host.world, host: host.ip, port: 6969, interval: 1800 })
    this.trackerServers.push(server)
    this.#closers.push(() => server.close())
    await this.network.run({ until: server.listen() })
    return `http://${name}:6969/announce`
  }

  /** A scripted peer that waits to be dialled. */
  async raw(torrent: Content, options?: RawOptions): Promise<RawPeer> {
    return this.run(new RawPeer(this.network, torrent, options).listen())
  }

  /** A scripted peer that dials a member. */
  async rawTo(member: Member, torrent: Content, options?: RawOptions): Promise<RawPeer> {
    const peer = new RawPeer(this.network, torrent, options)
    await this.run(peer.dial(member.host))
    return peer
  }

  /** Runs until the promise settles, or the condition holds. */
  run<T>(until: Promise<T> | (() => boolean), limit?: number): Promise<T> {
    return this.network.run<T>(limit === undefined ? { until } : { until, limit })
  }

  /** Ends everything, and proves that no session left anything open. */
  async close(): Promise<void> {
    await this.network.run({ until: Promise.all(this.#closers.map((close) => close())), limit: 60_000 })
    // Resets are still on their way to the other side.
    await this.network.advance(10_000)
    for (const host of this.#hosts) expect(host.open, `open on ${host.ip}`).toEqual([])
  }
}

/**
 * A test in a simulated network. Fails when a session leaves anything open in the end, and names the seed
 * in whatever it fails with; `SIM_SEED` in the environment plays another one.
 */
export function scenario(
  name: string,
  play: (sim: Sim) => Promise<void>,
  options: ConstructorParameters<typeof Sim>[1] & { readonly timeout?: number; readonly seed?: number } = {},
): void {
  const { timeout = 30_000, seed = Number(process.env.SIM_SEED ?? 1), ...network } = options
  it(name, { timeout }, async () => {
    const sim = new Sim(seed, network)
    try {
      await play(sim)
      await sim.close()
    } catch (error) {
      if (error instanceof Error) error.message += ` (seed ${seed}, ${sim.network.now} ms)`
      throw error
    }
  })
}

/** Address of a member for `peers`. */
export function at(member: Member): string {
  return `${member.host.ip}:6881`
}

/** Puts the files of a torrent on a disk. */
export function store(host: VirtualHost, torrent: Content): void {
  for (const { path, data } of torrent.files) host.disk.writeFile(`downloads/${path}`, data)
}

/** True when the disk has exactly the bytes of the torrent. */
export function isWhole(host: VirtualHost, torrent: Content): boolean {
  return torrent.files.every(({ path, data }) =>
    Buffer.from(data).equals(host.disk.readFile(`downloads/${path}`) ?? new Uint8Array(0)),
  )
}

/** The code with which a member closed its connection to an IP; undefined while it has not. */
export function closeCode(member: Member, ip: string): string | undefined {
  return member.closes.find(({ address }) => address.startsWith(`${ip}:`))?.code
}

function hashes(data: Uint8Array, pieceLength: number): Uint8Array {
  const pieces = new Uint8Array(Math.ceil(data.length / pieceLength) * 20)
  for (let i = 0; i * pieceLength < data.length; i++) {
    pieces.set(sha1(data.subarray(i * pieceLength, (i + 1) * pieceLength)), i * 20)
  }
  return pieces
}

function metainfoOf(info: Parameters<typeof encode>[0], trackers: readonly string[]): Metainfo {
  return parseMetainfo(encode({ 'announce-list': trackers.map((url) => [url]), info }))
}
