/**
 * Both hash trees of a new torrent in one pass over its bytes: SHA-1 over pieces (BEP 3), SHA-256 over the
 * blocks of each file (BEP 52).
 * @module
 */

import { createSha1, sha1 } from '#hash'
import { fromUtf8 } from '../util/bytes.js'
import { RarestError } from '../util/errors.js'
import { Layout } from './layout.js'
import { FileHasher } from './merkle.js'
import type { Metainfo } from './model.js'

/** What is to be hashed, in the order of the torrent. */
export interface HashPlan {
  readonly version: Metainfo['version']
  readonly pieceLength: number
  /** With the pads that align the files of v2 and hybrid; the pads of v2 are hashed nowhere. */
  readonly files: readonly PlannedFile[]
  /** Bytes of the files without pads. */
  readonly size: number
}

export interface PlannedFile {
  readonly path: readonly Uint8Array[]
  /** Bytes. */
  readonly length: number
  /** Index in the input; -1 for a pad. */
  readonly index: number
  readonly pad: boolean
}

/** What came of a {@link HashPlan}. */
export interface FileHashes {
  /** 20 bytes of SHA-1 a piece (v1 and hybrid). */
  readonly pieces: Uint8Array
  /** By index in the plan: the root of each file that has bytes, and the roots of its pieces when there are several (v2 and hybrid). */
  readonly trees: ReadonlyMap<number, { readonly root: Uint8Array; readonly layer: Uint8Array }>
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

/** Where the bytes come from, and what is called. */
export interface HashSource {
  /** Reads bytes of a file of the input from `offset` into all of `into` and resolves to the number read. */
  readonly read: (file: number, offset: number, into: Uint8Array) => Promise<number>
  readonly signal?: AbortState | undefined
  readonly onProgress?: ((progress: CreateProgress) => void) | undefined
}

/** Chunks that are read while an earlier one is hashed. */
const CHUNKS_AHEAD = 2
/** Ranges being read at a time: as many as libuv has threads, for each chunk ahead. */
const READS_AHEAD = 8

/**
 * Bytes hashed in one go, about a millisecond of work. Reading in 1 MiB runs is as cheap as it gets,
 * and three such buffers are all the memory that creating takes.
 */
const CHUNK_LENGTH = 1024 * 1024

/** Hashes everything on this thread; the next chunks are read meanwhile. */
export async function hashFiles(plan: HashPlan, source: HashSource): Promise<FileHashes> {
  const { signal, onProgress } = source
  const isV1 = plan.version !== '2'
  const places = plan.files.map((_, place) => place).filter((place) => isV1 || !plan.files[place]?.pad)
  const files = places.map((place) => plan.files[place] as PlannedFile)
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
    const read = readChunk(source, files, chunks, chunk, chunkAt(chunk))
    read.catch(() => {})
    reads.push(read)
  }
  const pieces = new Uint8Array(isV1 ? 20 * Math.ceil(chunks.size / plan.pieceLength) : 0)
  const flat = new PieceHasher(plan.pieceLength, pieces)
  const trees = plan.version === '1' ? undefined : new TreeHasher(plan.pieceLength)
  try {
    if (signal?.aborted) throw signal.reason
    for (let chunk = 0; chunk < CHUNKS_AHEAD; chunk++) readAhead(chunk)
    let hashed = 0
    for (let chunk = 0; chunk < chunks.pieceCount; chunk++) {
      await reads[0]
      void reads.shift()
      if (signal?.aborted) throw signal.reason
      readAhead(chunk + CHUNKS_AHEAD)
      const bytes = chunkAt(chunk)
      if (isV1) flat.update(bytes)
      let from = 0
      for (const { file, length } of chunks.slices(chunk, 0, bytes.length)) {
        const { pad, length: whole } = files[file] as PlannedFile
        if (!pad) {
          trees?.update(places[file] as number, whole, bytes.subarray(from, from + length))
          hashed += length
        }
        from += length
      }
      onProgress?.({ hashed, size: plan.size })
    }
    flat.finish()
    return { pieces, trees: trees?.finish() ?? new Map() }
  } finally {
    // The caller may close its files once we return.
    await Promise.allSettled(reads)
  }
}

/** Reads all file slices of a chunk, several small ones at a time. */
async function readChunk(
  source: HashSource,
  files: readonly PlannedFile[],
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
      const { index, path, pad } = files[file] as PlannedFile
      const from = starts[at] as number
      const part = into.subarray(from, from + length)
      if (pad) {
        part.fill(0)
        continue
      }
      try {
        const count = await source.read(index, offset, part)
        if (count !== length) throw changedFile(path, offset + count)
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

/** The error for a file that is shorter than it was when it was found. */
export function changedFile(path: readonly Uint8Array[], end: number): RarestError {
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

/** Hashes one file after the other. */
class TreeHasher {
  readonly #pieceLength: number
  readonly #trees = new Map<number, { readonly root: Uint8Array; readonly layer: Uint8Array }>()
  #open: { readonly file: number; readonly hasher: FileHasher } | undefined

  constructor(pieceLength: number) {
    this.#pieceLength = pieceLength
  }

  update(file: number, length: number, bytes: Uint8Array): void {
    if (this.#open?.file !== file) {
      this.finish()
      this.#open = { file, hasher: new FileHasher(length, this.#pieceLength) }
    }
    this.#open.hasher.update(bytes)
  }

  finish(): ReadonlyMap<number, { readonly root: Uint8Array; readonly layer: Uint8Array }> {
    if (this.#open) this.#trees.set(this.#open.file, this.#open.hasher.finish())
    this.#open = undefined
    return this.#trees
  }
}
