/**
 * Makes v1 torrent files (BEP 3, 12, 19, 27) from whatever an injected reader can read. Knows no file
 * system and no clock: the same input gives the same bytes on any machine, in Node and in a browser.
 * @module
 */

import { createSha1, sha1 } from '#hash'
import { type Encodable, encode } from '../bencode/index.js'
import { compareBytes, fromUtf8, utf8 } from '../util/bytes.js'
import { ProtocolError, RarestError } from '../util/errors.js'
import { Layout } from './layout.js'
import { METAINFO_LIMITS, parseMetainfo } from './parse.js'
import { isTrackerUrl, isWebSeedUrl } from './urls.js'

/** What a new torrent says besides its files. */
export interface TorrentFields {
  /** First tracker. When `announceList` lacks it, it becomes a tier of its own before the others. */
  readonly announce?: string | undefined
  /** Tiers of trackers (BEP 12). */
  readonly announceList?: readonly (readonly string[])[] | undefined
  /**
   * Bytes per piece, at least 16 KiB and a multiple of it, up to 512 MiB. Default: see {@link automaticPieceLength}.
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

/** Progress of hashing, in bytes. */
export interface CreateProgress {
  readonly hashed: number
  readonly size: number
}

/** The part of an AbortSignal that a core needs. */
export interface AbortState {
  readonly aborted: boolean
  readonly reason: unknown
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
   * for up to {@link READS_AHEAD} ranges at a time; ranges of one file are asked for in order.
   */
  readonly read: (file: number, offset: number, into: Uint8Array) => Promise<number>
  /** Checked between chunks of 1 MiB; rejects with its reason. */
  readonly signal?: AbortState | undefined
  /** Called after every chunk of 1 MiB. */
  readonly onProgress?: ((progress: CreateProgress) => void) | undefined
}

/** Who made a torrent, unless the caller says otherwise. */
export const CREATED_BY = 'rarest/0.1.0'
/** Chunks that are read while an earlier one is hashed. */
export const CHUNKS_AHEAD = 2
/** Ranges being read at a time: as many as libuv has threads, for each chunk ahead. */
export const READS_AHEAD = 8

/**
 * Bytes hashed in one go, about half a millisecond of work. Reading in 1 MiB runs is as cheap as it gets,
 * and three such buffers are all the memory that creating takes.
 */
const CHUNK_LENGTH = 1024 * 1024
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
  const files = sortFiles(input.files)
  let size = 0
  for (const { length } of files) size += checkLength(length)
  const pieceLength = checkPieceLength(input.pieceLength ?? automaticPieceLength(size))
  const pieceCount = Math.ceil(size / pieceLength)
  if (pieceCount > METAINFO_LIMITS.maxPieces)
    throw new RangeError(
      `pieceLength must give at most ${METAINFO_LIMITS.maxPieces} pieces, got ${pieceCount}`,
    )
  const root = rootFields(input)
  const pieces = new Uint8Array(20 * pieceCount)
  const info: Record<string, Encodable | undefined> = {
    name: input.name,
    'piece length': pieceLength,
    pieces,
    private: input.private === true ? 1 : undefined,
    source: input.source,
    ...(multiFile ? { files: files.map(({ length, path }) => ({ length, path })) } : { length: size }),
  }
  // Hashing may take hours: whatever our own parser would refuse is told before.
  checkLoadable(encode({ ...root, info }))
  await hashPieces(input, files, pieceLength, pieces)
  return encode({ ...root, info })
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

interface SortedFile {
  readonly path: readonly Uint8Array[]
  readonly length: number
  /** Index in the input. */
  readonly index: number
  readonly pad: false
}

function sortFiles(files: readonly CreateFile[]): SortedFile[] {
  const sorted = files.map(({ path, length }, index): SortedFile => {
    const elements = path.map((element) => (typeof element === 'string' ? utf8(element) : element))
    return { path: elements, length, index, pad: false }
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

async function hashPieces(
  input: CreateInput,
  files: readonly SortedFile[],
  pieceLength: number,
  into: Uint8Array,
): Promise<void> {
  const { signal, onProgress } = input
  const chunks = new Layout(files, CHUNK_LENGTH)
  const buffers = Array.from(
    { length: CHUNKS_AHEAD + 1 },
    () => new Uint8Array(Math.min(CHUNK_LENGTH, chunks.size)),
  )
  const chunkAt = (chunk: number): Uint8Array =>
    (buffers[chunk % buffers.length] as Uint8Array).subarray(0, chunks.pieceSize(chunk))
  const reads: Promise<void>[] = []
  const readAhead = (chunk: number): void => {
    if (chunk >= chunks.pieceCount) return
    const read = readChunk(input, files, chunks, chunk, chunkAt(chunk))
    read.catch(() => {})
    reads.push(read)
  }
  const hasher = new PieceHasher(pieceLength, into)
  try {
    if (signal?.aborted) throw signal.reason
    for (let chunk = 0; chunk < CHUNKS_AHEAD; chunk++) readAhead(chunk)
    let hashed = 0
    for (let chunk = 0; chunk < chunks.pieceCount; chunk++) {
      await reads[0]
      void reads.shift()
      if (signal?.aborted) throw signal.reason
      readAhead(chunk + CHUNKS_AHEAD)
      hasher.update(chunkAt(chunk))
      hashed += chunks.pieceSize(chunk)
      onProgress?.({ hashed, size: chunks.size })
    }
    hasher.finish()
  } finally {
    // The caller may close its files once we return.
    await Promise.allSettled(reads)
  }
}

/** Reads all file slices of a chunk, several small ones at a time. */
async function readChunk(
  input: CreateInput,
  files: readonly SortedFile[],
  chunks: Layout,
  chunk: number,
  into: Uint8Array,
): Promise<void> {
  const slices = chunks.slices(chunk, 0, into.length)
  const starts: number[] = []
  let start = 0
  for (const { length } of slices) {
    starts.push(start)
    start += length
  }
  let next = 0
  let failed = false
  const work = async (): Promise<void> => {
    while (next < slices.length && !failed) {
      const at = next++
      const { file, offset, length } = slices[at] as (typeof slices)[number]
      const { index, path } = files[file] as SortedFile
      const from = starts[at] as number
      try {
        const count = await input.read(index, offset, into.subarray(from, from + length))
        if (count !== length) throw changed(path, offset + count)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const workers = Math.min(slices.length, READS_AHEAD / CHUNKS_AHEAD)
  const results = await Promise.allSettled(Array.from({ length: workers }, work))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

function changed(path: readonly Uint8Array[], end: number): RarestError {
  const name = path.map(fromUtf8).join('/')
  return new RarestError('metainfo/file-changed', `${name} ended after ${end} bytes while it was hashed`)
}

/** Cuts a stream of bytes into pieces and writes their hashes, one after the other. */
class PieceHasher {
  readonly #pieceLength: number
  readonly #into: Uint8Array
  /** Where the next hash goes. */
  #at = 0
  /** The piece that began in an earlier chunk, and its bytes so far. */
  #open = createSha1()
  #filled = 0

  constructor(pieceLength: number, into: Uint8Array) {
    this.#pieceLength = pieceLength
    this.#into = into
  }

  update(bytes: Uint8Array): void {
    let from = 0
    while (from < bytes.length) {
      const part = bytes.subarray(from, from + this.#pieceLength - this.#filled)
      from += part.length
      if (part.length === this.#pieceLength) {
        this.#write(sha1(part))
        continue
      }
      this.#open.update(part)
      this.#filled += part.length
      if (this.#filled === this.#pieceLength) this.finish()
    }
  }

  finish(): void {
    if (this.#filled === 0) return
    this.#write(this.#open.digest())
    this.#open = createSha1()
    this.#filled = 0
  }

  #write(hash: Uint8Array): void {
    this.#into.set(hash, this.#at)
    this.#at += 20
  }
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

/** The keys that name trackers (BEP 3, 12); a single one needs no list. Throws RangeError for bad URLs. */
export function announceFields(fields: {
  readonly announce?: string | undefined
  readonly announceList?: readonly (readonly string[])[] | undefined
}): {
  readonly announce: string | undefined
  readonly 'announce-list': readonly (readonly string[])[] | undefined
} {
  const tiers = (fields.announceList ?? []).filter((tier) => tier.length > 0)
  for (const url of tiers.flat()) checkUrl('announceList', url, isTrackerUrl)
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

function checkPieceLength(length: number): number {
  const { maxPieceLength } = METAINFO_LIMITS
  if (length >= SMALLEST_PIECE && length <= maxPieceLength && length % SMALLEST_PIECE === 0) return length
  throw new RangeError(`pieceLength must be a multiple of 16384 up to ${maxPieceLength}, got ${length}`)
}

function checkLoadable(bytes: Uint8Array): void {
  try {
    parseMetainfo(bytes)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    throw new ProtocolError(error.code, error.message, { fault: 'local' })
  }
}
