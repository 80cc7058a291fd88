import { createHash } from 'node:crypto'
import { Layout } from '../../../src/metainfo/layout.js'
import type { StorageBackend } from '../../../src/storage/backend.js'
import type { StorageError } from '../../../src/storage/error.js'
import { MemoryStorage } from '../../../src/storage/memory.js'
import { Store, type StoreFile, type StoreOptions } from '../../../src/storage/store.js'

export interface FixtureFile {
  readonly path: string
  readonly length: number
  readonly pad?: boolean
  readonly symlink?: boolean
}

/** Deterministic bytes that never repeat within a piece. */
export function sample(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed >>> 0 || 1
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

/** A torrent of random bytes (pads are zeros), its layout and hashes. */
export function torrent(files: readonly FixtureFile[], pieceLength: number) {
  const list: StoreFile[] = files.map((file) => ({
    path: file.path.split('/'),
    length: file.length,
    pad: file.pad ?? false,
    ...(file.symlink ? { symlink: true } : {}),
  }))
  const layout = new Layout(list, pieceLength)
  const data = sample(layout.size)
  for (let i = 0; i < list.length; i++)
    if (list[i]!.pad) data.fill(0, layout.offsets[i]!, layout.offsets[i + 1]!)
  const pieces = new Uint8Array(layout.pieceCount * 20)
  for (let piece = 0; piece < layout.pieceCount; piece++) {
    const bytes = data.subarray(piece * pieceLength, piece * pieceLength + layout.pieceSize(piece))
    pieces.set(createHash('sha1').update(bytes).digest(), piece * 20)
  }
  const fileBytes = (index: number) => data.slice(layout.offsets[index]!, layout.offsets[index + 1]!)
  return { files: list, layout, data, pieces, fileBytes }
}

export type Torrent = ReturnType<typeof torrent>

export interface Log {
  readonly verified: number[]
  readonly failed: number[]
  readonly errors: StorageError[]
  drained: number
}

export async function openStore(
  source: Torrent,
  options: { backend?: StorageBackend } & Partial<
    Omit<StoreOptions, 'on' | 'layout' | 'files' | 'pieces'>
  > = {},
) {
  const log: Log = { verified: [], failed: [], errors: [], drained: 0 }
  const { backend = new MemoryStorage(), ...rest } = options
  const store = new Store({
    layout: source.layout,
    files: source.files,
    pieces: source.pieces,
    backend,
    defer: (call) => void setImmediate(call),
    ...rest,
    on: {
      verified: (piece) => void log.verified.push(piece),
      failed: (piece) => void log.failed.push(piece),
      error: (error) => void log.errors.push(error),
      drained: () => void log.drained++,
    },
  })
  await store.open()
  return { store, log, backend }
}

/** Places and fills one block; false when the store did not want it. */
export function feedBlock(store: Store, source: Torrent, piece: number, index: number): boolean {
  const { begin, length } = source.layout.blockAt(piece, index)
  const memory = store.place(piece, begin, length)
  if (!memory) return false
  const start = piece * source.layout.pieceLength + begin
  memory.set(source.data.subarray(start, start + length))
  store.received(piece, begin, memory)
  return true
}

export function feedPiece(store: Store, source: Torrent, piece: number): void {
  for (let index = 0; index < source.layout.blockCount(piece); index++) feedBlock(store, source, piece, index)
}

/** Some turns of the event loop: enough for hashing, holding and a few trips through the thread pool. */
export async function turns(count = 30): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}

/** Loads and reads a range as an upload does. */
export async function readRange(
  store: Store,
  piece: number,
  begin: number,
  length: number,
  reader = store.reader(),
) {
  for (let tries = 0; tries < 20; tries++) {
    const parts = store.read(piece, begin, length, reader)
    if (parts) {
      const bytes = Buffer.concat(parts)
      store.sent(parts)
      return new Uint8Array(bytes)
    }
    await new Promise<void>((resolve, reject) =>
      store.load(piece, begin, length, reader, (error) => (error ? reject(error) : resolve())),
    )
  }
  throw new Error('the range never came into memory')
}
