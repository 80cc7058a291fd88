/**
 * Finds out which pieces of a torrent are on the disk already.
 *
 * Reading runs ahead on libuv's threads, up to 3 MiB beyond the hash; the main thread hashes, at most
 * 1 MiB per turn of the event loop.
 * @module
 */

import { Bitfield } from '../util/bitfield.js'
import { errorCode } from '../util/errors.js'
import type { FileStatus } from './backend/backend.js'
import { StorageError } from './backend/error.js'
import type { FileMapping } from './backend/file-mapping.js'
import { SLAB_LENGTH, SlabPool } from './slab.js'
import type { PieceHash, Verifier } from './verifier.js'

export interface CheckOptions {
  readonly signal?: AbortSignal
  /** Called after each piece, in ascending order, with what is known of it so far: v2 pieces without hashes may turn out valid later. */
  onProgress?(piece: number, valid: boolean): void
  /** Only these; all by default. */
  readonly pieces?: Bitfield
  /** Reads at once, each of up to 1 MiB. Default 3: the hash never waits, and one of libuv's four threads stays free. */
  readonly concurrency?: number
}

/** Pieces that are not there and are told of in one turn of the event loop. */
const REPORTED_AT_ONCE = 1024

/** A run of the torrent that is read at once: part of one large piece, or some small ones. */
interface Run {
  readonly start: number
  readonly length: number
}

/** The pieces whose bytes match, among those asked for. Creates and changes nothing. */
export async function checkPieces(
  mapping: FileMapping,
  verifier: Verifier,
  defer: (call: () => void) => void,
  options: CheckOptions & {
    onStatus?(file: number, modified: number | undefined): void
    /** Reads instead of the file mapping. */
    read?(position: number, into: Uint8Array): Promise<void>
  },
): Promise<Bitfield> {
  const { layout } = mapping
  const { signal } = options
  const read = options.read ?? ((position, into) => mapping.read(position, into))
  const valid = new Bitfield(layout.pieceCount)
  const states = await mapping.statuses(signal)
  for (let file = 0; file < states.length; file++) options.onStatus?.(file, states[file]?.modified)
  const present = presentPieces(mapping, states, options.pieces)
  const pool = new SlabPool(SLAB_LENGTH)
  const pending: { run: Run; memory: Uint8Array; read: Promise<void> }[] = []
  const runs = runsOf(present, layout.pieceLength, (piece) => layout.pieceSize(piece))
  const concurrency = Math.max(1, options.concurrency ?? 3)
  let reported = 0
  const report = (until: number): void => {
    for (; reported < until; reported++) {
      if (!options.pieces || options.pieces.has(reported)) options.onProgress?.(reported, valid.has(reported))
    }
  }
  // Where a large file is gone there are many pieces to tell of at once.
  const skipTo = async (piece: number): Promise<void> => {
    while (piece - reported > REPORTED_AT_ONCE) {
      report(reported + REPORTED_AT_ONCE)
      await new Promise<void>((resolve) => defer(resolve))
      signal?.throwIfAborted()
    }
  }
  let hash: PieceHash | undefined
  let broken = false
  try {
    for (;;) {
      while (pending.length < concurrency) {
        const next = runs.next()
        if (next.done) break
        const memory = pool.take()
        const reading = read(next.value.start, memory.subarray(0, next.value.length))
        reading.catch(() => undefined)
        pending.push({ run: next.value, memory, read: reading })
      }
      const head = pending.shift()
      if (!head) break
      const complete = await isComplete(head.read)
      signal?.throwIfAborted()
      await skipTo(Math.floor(head.run.start / layout.pieceLength))
      for (let at = 0; at < head.run.length; ) {
        const position = head.run.start + at
        const piece = Math.floor(position / layout.pieceLength)
        const end = piece * layout.pieceLength + layout.pieceSize(piece)
        const part = Math.min(head.run.length - at, end - position)
        const bytes = head.memory.subarray(at, at + part)
        // Where one piece of a run ends early (in a part file), the others may still be whole.
        const there = complete || (part < head.run.length && (await isComplete(read(position, bytes))))
        at += part
        if (part === layout.pieceSize(piece)) {
          if (there && verifier.verify(piece, bytes)) valid.add(piece)
        } else {
          hash ??= verifier.start(piece)
          if (there) hash.update(bytes)
          else broken = true
          if (position + part < end) continue
          if (!broken && hash.matches()) valid.add(piece)
          broken = false
          hash = undefined
        }
        report(piece + 1)
      }
      pool.give(head.memory)
      await new Promise<void>((resolve) => defer(resolve))
      signal?.throwIfAborted()
    }
  } finally {
    // Memory that a thread still reads into must not be freed or reused.
    await Promise.allSettled(pending.map((entry) => entry.read))
  }
  await skipTo(layout.pieceCount)
  report(layout.pieceCount)
  for (const piece of verifier.takeVerified?.() ?? []) if (present.has(piece)) valid.add(piece)
  if (verifier.contradiction !== undefined) throw contradiction(mapping, verifier.contradiction)
  return valid
}

/** True when the bytes of one piece are all on the disk and match. Rejects when they cannot be read. */
export async function isPieceRight(
  mapping: FileMapping,
  verifier: Verifier,
  piece: number,
): Promise<boolean> {
  const { layout } = mapping
  const size = layout.pieceSize(piece)
  const hash = verifier.start(piece)
  const step = new Uint8Array(Math.min(size, SLAB_LENGTH))
  for (let at = 0; at < size; at += step.length) {
    const bytes = step.subarray(0, Math.min(step.length, size - at))
    if (!(await isComplete(mapping.read(piece * layout.pieceLength + at, bytes)))) return false
    hash.update(bytes)
  }
  return hash.matches()
}

/** What a hybrid torrent fails with whose halves disagree about a piece. */
export function contradiction(mapping: FileMapping, piece: number): StorageError {
  const path = mapping.pathOf(mapping.layout.slices(piece, 0, 1)[0]?.file ?? 0)
  return new StorageError(
    'storage/contradiction',
    path,
    `the v1 and the v2 half of this torrent disagree about piece ${piece} (${path})`,
  )
}

/** False when the bytes end early; other failures reject. */
async function isComplete(read: Promise<void>): Promise<boolean> {
  try {
    await read
    return true
  } catch (error) {
    if (errorCode(error) === 'storage/missing') return false
    throw error
  }
}

/** The pieces of which every byte may exist, so that reading them can be worth it. */
function presentPieces(
  mapping: FileMapping,
  states: readonly (FileStatus | undefined)[],
  wanted: Bitfield | undefined,
): Bitfield {
  const { layout } = mapping
  const present = wanted ? wanted.clone() : Bitfield.full(layout.pieceCount)
  for (let file = 0; file < states.length; file++) {
    const status = states[file]
    if (!status || mapping.mayBeInPart(file)) continue
    const length = layout.files[file]?.length ?? 0
    const there = Math.max(0, status.length)
    if (there >= length) continue
    const start = layout.offsets[file] as number
    const first = Math.floor((start + there) / layout.pieceLength)
    const last = Math.floor((start + length - 1) / layout.pieceLength)
    for (let piece = first; piece <= last; piece++) present.delete(piece)
  }
  return present
}

/** Consecutive present pieces in runs of up to 1 MiB that begin at a piece or inside one large piece. */
function* runsOf(
  present: Bitfield,
  pieceLength: number,
  pieceSize: (piece: number) => number,
): Generator<Run, void, undefined> {
  for (let piece = present.next(0); piece >= 0; ) {
    const start = piece * pieceLength
    let length = pieceSize(piece)
    if (length > SLAB_LENGTH) {
      for (let at = 0; at < length; at += SLAB_LENGTH) {
        yield { start: start + at, length: Math.min(SLAB_LENGTH, length - at) }
      }
    } else {
      // Behind a piece that is shorter than the others there is a gap, or the end.
      while (
        pieceSize(piece) === pieceLength &&
        present.has(piece + 1) &&
        length + pieceSize(piece + 1) <= SLAB_LENGTH
      )
        length += pieceSize(++piece)
      yield { start, length }
    }
    piece = present.next(piece + 1)
  }
}
