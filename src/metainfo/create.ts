/**
 * Makes torrent files (BEP 3, 12, 19, 27, 47, 52) from whatever an injected reader can read. Knows no file
 * system and no clock: the same input gives the same bytes on any machine, in Node and in a browser.
 * @module
 */

import { type Encodable, encode } from '../bencode/index.js'
import { compareBytes, fromUtf8, toLatin1, utf8 } from '../util/bytes.js'
import { ProtocolError } from '../util/errors.js'
import {
  type AbortState,
  type CreateProgress,
  type FileHashes,
  type HashPlan,
  hashFiles,
  type PlannedFile,
} from './hash-files.js'
import type { Metainfo } from './model.js'
import { METAINFO_LIMITS, parseMetainfo } from './parse.js'
import { isTrackerUrl, isWebSeedUrl } from './urls.js'

/** Trackers as users give them: a list is a tier, of which one is asked (BEP 12), a URL is a tier by itself. */
export type TrackerTiers = readonly (string | readonly string[])[]

/** What a new torrent says besides its files. */
export interface TorrentFields {
  /** First tracker. When `trackers` lack it, it becomes a tier of its own before the others. */
  readonly announce?: string | undefined
  /** All trackers, in tiers; those of a parsed torrent fit. */
  readonly trackers?: TrackerTiers | undefined
  /**
   * `'1'` is read by every client (BEP 3), `'2'` only by those that know BEP 52, `'hybrid'` by both kinds except
   * for some old ones: the empty key that BEP 52 has in its file tree makes Transmission 3.00 refuse the file
   * and aria2 1.36 compute another infohash. Default `'1'`, for that reason; `'hybrid'` is the better choice for
   * a new swarm of current clients, since v2 finds the wrong block of a piece (docs/decisions/v1-by-default.md).
   */
  readonly version?: Metainfo['version'] | undefined
  /**
   * Bytes per piece, from 16 KiB up to 512 MiB: a power of two, or for `version: '1'` any multiple of 16 KiB.
   * Default: see {@link automaticPieceLength}.
   */
  readonly pieceLength?: number | undefined
  /** Peers only from the torrent's trackers (BEP 27). Changes the infohash. Default false. */
  readonly private?: boolean | undefined
  readonly comment?: string | undefined
  /** Where the torrent belongs; trackers use it to give the same files another infohash. */
  readonly source?: string | undefined
  /** HTTP(S) or FTP URLs (BEP 19). */
  readonly webSeeds?: readonly string[] | undefined
  /** Default `rarest/0.1.0`; the empty string leaves the key out. */
  readonly createdBy?: string | undefined
  /** Seconds since 1970. Left out by default, so that the bytes depend on the files alone. */
  readonly creationDate?: number | undefined
}

/** A file to put into a torrent. */
export interface CreateFile {
  /** Path elements below the torrent's folder, as text or as the raw bytes that the system stores. */
  readonly path: readonly (string | Uint8Array)[]
  /** Bytes. */
  readonly length: number
}

export interface CreateInput extends TorrentFields {
  /** Name of the folder or of the single file. */
  readonly name: string | Uint8Array
  /** In any order: the torrent has them in raw-byte order of the path elements, level by level, as BEP 52 does. */
  readonly files: readonly CreateFile[]
  /** False for a torrent of one file called `name`; its `path` is then not used. Default true. */
  readonly multiFile?: boolean | undefined
  /**
   * Reads bytes of `files[file]` from `offset` into all of `into` and resolves to the number read. Called
   * for up to eight ranges at a time; ranges of one file are asked for in order.
   */
  readonly read: (file: number, offset: number, into: Uint8Array) => Promise<number>
  /**
   * Hashes the plan elsewhere, on other threads for instance, in place of reading with `read` and hashing here.
   * `signal` and `onProgress` are then its own matter.
   */
  readonly hash?: ((plan: HashPlan) => Promise<FileHashes>) | undefined
  /** Checked between chunks of 1 MiB; rejects with its reason. */
  readonly signal?: AbortState | undefined
  /** Called after every chunk of 1 MiB. */
  readonly onProgress?: ((progress: CreateProgress) => void) | undefined
}

/** The program that made a torrent, unless the caller says otherwise. */
export const CREATED_BY = 'rarest/0.1.0'
const SMALLEST_PIECE = 16_384

/**
 * The bytes of a torrent file for the input, in canonical bencode. Throws RangeError or TypeError for bad
 * options, ProtocolError (`fault` is `'local'`) for what {@link parseMetainfo} would refuse, both before
 * anything is read; `metainfo/file-changed` when a file is shorter than it said; the signal's reason; and
 * whatever `read` rejects with.
 */
export async function createMetainfo(input: CreateInput): Promise<Uint8Array> {
  const multiFile = input.multiFile ?? true
  if (!multiFile && input.files.length !== 1)
    throw new RangeError(`files must hold one file when multiFile is false, got ${input.files.length}`)
  const version = checkVersion(input.version ?? '1')
  const sorted = sortFiles(input.files)
  let size = 0
  for (const { length } of sorted) size += length
  const pieceLength = checkPieceLength(input.pieceLength ?? automaticPieceLength(size), version)
  const name = typeof input.name === 'string' ? utf8(input.name) : input.name
  const alone = sorted.map((file) => ({ ...file, path: [name] }))
  const files = multiFile ? sorted : alone
  const planned = version === '1' || !multiFile ? files : withPads(files, pieceLength)
  let span = 0
  for (const { length } of planned) span += length
  const pieceCount = Math.ceil(span / pieceLength)
  if (pieceCount > METAINFO_LIMITS.maxPieces)
    throw new RangeError(
      `pieceLength must give at most ${METAINFO_LIMITS.maxPieces} pieces, got ${pieceCount}`,
    )
  const root = rootFields(input)
  const infoOf = (hashes: FileHashes | undefined): Encodable => ({
    name,
    'piece length': pieceLength,
    private: input.private === true ? 1 : undefined,
    source: input.source,
    ...(version === '1' ? {} : { 'file tree': fileTree(planned, hashes?.trees), 'meta version': 2 }),
    ...(version === '2' ? {} : { pieces: hashes?.pieces ?? new Uint8Array(20 * pieceCount) }),
    ...(version === '2' ? {} : multiFile ? { files: fileList(planned) } : { length: size }),
  })
  // Hashing may take hours: what clients would refuse is told before.
  checkLoadable(encode({ ...root, info: infoOf(undefined) }))
  const plan = { version, pieceLength, files: planned, size }
  const hashes = await (input.hash === undefined ? hashFiles(plan, input) : input.hash(plan))
  return encode({
    ...root,
    info: infoOf(hashes),
    'piece layers': version === '1' ? undefined : pieceLayers(hashes.trees),
  })
}

/**
 * The smallest power of two from 16 KiB to 16 MiB that gives at most 2,048 pieces; above 32 GiB 16 MiB, and
 * more only where 2^21 pieces would not do. About a thousand pieces keep the torrent file near 40 KB and
 * the swarm fine-grained, as Transmission and libtorrent choose; 16 MiB is the most that clients in the
 * field handle well.
 */
export function automaticPieceLength(size: number): number {
  let length = SMALLEST_PIECE
  while (size > length * 2048 && length < 16 * 1024 * 1024) length *= 2
  while (size > length * METAINFO_LIMITS.maxPieces) length *= 2
  return length
}

function sortFiles(files: readonly CreateFile[]): PlannedFile[] {
  const sorted = files.map(({ path, length }, index): PlannedFile => {
    const elements = path.map((element) => (typeof element === 'string' ? utf8(element) : element))
    return { path: elements, length: checkLength(length), index, pad: false }
  })
  return sorted.sort((a, b) => {
    const shared = Math.min(a.path.length, b.path.length)
    for (let i = 0; i < shared; i++) {
      const order = compareBytes(a.path[i] as Uint8Array, b.path[i] as Uint8Array)
      if (order !== 0) return order
    }
    return a.path.length - b.path.length
  })
}

/**
 * Pads behind every file that ends inside a piece (BEP 47), also the last one, as the reference generator of
 * BEP 52 has it: torrents of the same files get the same infohash.
 */
function withPads(files: readonly PlannedFile[], pieceLength: number): PlannedFile[] {
  const list: PlannedFile[] = []
  for (const file of files) {
    list.push(file)
    const rest = file.length % pieceLength
    if (rest === 0) continue
    const length = pieceLength - rest
    list.push({ path: [utf8('.pad'), utf8(String(length))], length, index: -1, pad: true })
  }
  return list
}

/** The `files` of v1. */
function fileList(files: readonly PlannedFile[]): Encodable {
  return files.map(({ length, path, pad }) => ({ length, path, attr: pad ? 'p' : undefined }))
}

/** The `file tree` of v2, with the roots that are known so far, else a stand-in of the same length. */
function fileTree(files: readonly PlannedFile[], trees: FileHashes['trees'] | undefined): Encodable {
  const root = new Map<string, Encodable>()
  for (const [place, { path, length, pad }] of files.entries()) {
    if (pad) continue
    let entry = root
    for (const element of path) {
      const name = toLatin1(element)
      const below = entry.get(name) as Map<string, Encodable> | undefined
      const next = below ?? new Map<string, Encodable>()
      if (below === undefined) entry.set(name, next)
      entry = next
      if (entry.has('')) throw clash(path)
    }
    if (entry.size > 0) throw clash(path)
    const hash = trees === undefined ? STAND_IN : trees.get(place)?.root
    entry.set('', length === 0 ? { length } : { length, 'pieces root': hash })
  }
  return root
}

function clash(path: readonly Uint8Array[]): ProtocolError {
  const name = path.map(fromUtf8).join('/')
  return new ProtocolError('metainfo/path-clash', `${name} is taken by another file`, { fault: 'local' })
}

const STAND_IN: Uint8Array = new Uint8Array(32).fill(1)

function pieceLayers(trees: FileHashes['trees']): Encodable {
  const layers = new Map<string, Encodable>()
  for (const { root, layer } of trees.values()) if (layer.length > 0) layers.set(toLatin1(root), layer)
  return layers
}

function rootFields(fields: TorrentFields): Record<string, Encodable | undefined> {
  const { comment, createdBy, creationDate, webSeeds } = fields
  for (const url of webSeeds ?? []) checkUrl('webSeeds', url, isWebSeedUrl)
  if (creationDate !== undefined && (!Number.isSafeInteger(creationDate) || creationDate < 0))
    throw new RangeError(`creationDate must be whole seconds since 1970, got ${creationDate}`)
  return {
    ...announceFields(fields),
    comment,
    'created by': createdBy === '' ? undefined : (createdBy ?? CREATED_BY),
    'creation date': creationDate,
    'url-list': webSeeds !== undefined && webSeeds.length > 0 ? webSeeds : undefined,
  }
}

/** A tier for each entry. */
export function tiersOf(trackers: TrackerTiers): (readonly string[])[] {
  return trackers.map((tier) => (typeof tier === 'string' ? [tier] : tier))
}

/** The keys that name trackers (BEP 3, 12); a single one needs no list. Throws RangeError for bad URLs. */
export function announceFields(fields: {
  readonly announce?: string | undefined
  readonly trackers?: TrackerTiers | undefined
}): {
  readonly announce: string | undefined
  readonly 'announce-list': readonly (readonly string[])[] | undefined
} {
  const tiers = tiersOf(fields.trackers ?? []).filter((tier) => tier.length > 0)
  for (const url of tiers.flat()) checkUrl('trackers', url, isTrackerUrl)
  const { announce = tiers[0]?.[0] } = fields
  if (announce !== undefined) {
    checkUrl('announce', announce, isTrackerUrl)
    if (!tiers.flat().includes(announce)) tiers.unshift([announce])
  }
  return { announce, 'announce-list': tiers.flat().length > 1 ? tiers : undefined }
}

function checkUrl(option: string, url: string, isUsable: (url: string) => boolean): void {
  if (!isUsable(url)) throw new RangeError(`${option} must hold absolute URLs, got ${JSON.stringify(url)}`)
}

function checkLength(length: number): number {
  if (!Number.isSafeInteger(length) || length < 0)
    throw new RangeError(`the length of a file must be an integer of at least 0, got ${length}`)
  return length
}

function checkVersion(version: Metainfo['version']): Metainfo['version'] {
  if (version === '1' || version === '2' || version === 'hybrid') return version
  throw new RangeError(`version must be '1', '2' or 'hybrid', got ${String(version)}`)
}

function checkPieceLength(length: number, version: Metainfo['version']): number {
  const { maxPieceLength } = METAINFO_LIMITS
  const isWhole = version === '1' ? length % SMALLEST_PIECE === 0 : Number.isInteger(Math.log2(length))
  if (length >= SMALLEST_PIECE && length <= maxPieceLength && isWhole) return length
  const which = version === '1' ? 'a multiple of 16384' : 'a power of two from 16384'
  throw new RangeError(`pieceLength must be ${which} up to ${maxPieceLength}, got ${length}`)
}

function checkLoadable(bytes: Uint8Array): void {
  try {
    parseMetainfo(bytes, { pieceLayers: 'lenient' })
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    throw new ProtocolError(error.code, error.message, { fault: 'local' })
  }
}
