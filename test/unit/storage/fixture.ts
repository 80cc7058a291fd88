import { createHash } from 'node:crypto'
import { HashTrees } from '../../../src/metainfo/hash-trees.js'
import { Layout } from '../../../src/metainfo/layout.js'
import { LeafHasher } from '../../../src/metainfo/merkle.js'
import type { FileStatus, StorageBackend, StorageFile } from '../../../src/storage/backend/backend.js'
import type { StorageError } from '../../../src/storage/backend/error.js'
import { MemoryStorage } from '../../../src/storage/backend/memory.js'
import { MerkleVerifier } from '../../../src/storage/merkle-verifier.js'
import { Store, type StoreFile, type StoreOptions } from '../../../src/storage/store.js'
import type { Verifier } from '../../../src/storage/verifier.js'
import { v2Content } from '../../support/v2.js'

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

export interface Torrent extends ReturnType<typeof torrent> {
  /** Of v2 and hybrid torrents: how pieces are verified, and the right hashes of the blocks of a piece. */
  readonly verifier?: () => Verifier
  readonly leaves?: (piece: number) => Uint8Array
}

/** A v2 or hybrid torrent of files of these lengths. */
export function alignedTorrent(
  lengths: readonly number[],
  pieceLength: number,
  version: '2' | 'hybrid',
): Torrent {
  const { data, metainfo } = v2Content(lengths, pieceLength, { version })
  const { layout, pieces } = metainfo
  const files = metainfo.files.map(({ path, length, pad }) => ({ path: [...path], length, pad }))
  const fileBytes = (index: number) =>
    new Uint8Array(data.slice(layout.offsets[index]!, layout.offsets[index + 1]!))
  return {
    files,
    layout,
    data: new Uint8Array(data),
    pieces: new Uint8Array(pieces),
    fileBytes,
    verifier: () => new MerkleVerifier(new HashTrees(metainfo), layout, pieces),
    leaves: (piece) => {
      const hasher = new LeafHasher(layout.blockCount(piece))
      hasher.update(data.subarray(piece * pieceLength, piece * pieceLength + layout.pieceSize(piece)))
      return hasher.finish()
    },
  }
}

export interface Log {
  readonly verified: number[]
  readonly failed: number[]
  readonly lost: number[]
  readonly errors: StorageError[]
  drained: number
}

export async function openStore(
  source: Torrent,
  options: { backend?: StorageBackend } & Partial<
    Omit<StoreOptions, 'on' | 'layout' | 'files' | 'pieces'>
  > = {},
) {
  const log: Log = { verified: [], failed: [], lost: [], errors: [], drained: 0 }
  const { backend = new MemoryStorage(), ...rest } = options
  const { leaves, verifier } = source
  const store: Store = new Store({
    layout: source.layout,
    files: source.files,
    pieces: source.pieces,
    backend,
    defer: (call) => void setImmediate(call),
    ...(verifier ? { verifier: verifier() } : {}),
    ...rest,
    on: {
      ...(leaves ? { doubtful: (piece: number) => void store.reopen(piece, leaves(piece)) } : {}),
      verified: (piece) => void log.verified.push(piece),
      failed: (piece) => void log.failed.push(piece),
      lost: (piece) => void log.lost.push(piece),
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

/** Compares without the slow element-wise matcher. */
export function same(got: Uint8Array | undefined, expected: Uint8Array): boolean {
  return got !== undefined && Buffer.compare(got, expected) === 0
}

type Method = 'open' | 'read' | 'write' | 'status' | 'create' | 'remove' | 'flush' | 'destroy' | 'close'

/** An error as the system makes them. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}

/** A backend in memory whose calls can be watched, delayed and made to fail. */
export class TestBackend implements StorageBackend {
  readonly inner: MemoryStorage
  readonly calls: { method: Method; file: number; offset: number; length: number }[] = []
  /** Throw from here to make a call fail; await to delay it. */
  before: (method: Method, file: number, offset: number, length: number) => void | Promise<void> = () => {}
  modified: number | undefined

  constructor(inner: MemoryStorage = new MemoryStorage()) {
    this.inner = inner
  }

  async open(files: readonly StorageFile[]): Promise<void> {
    await this.#step('open')
    await this.inner.open(files)
  }
  async read(file: number, offset: number, into: Uint8Array): Promise<number> {
    await this.#step('read', file, offset, into.length)
    return this.inner.read(file, offset, into)
  }
  async write(file: number, offset: number, chunks: readonly Uint8Array[]): Promise<void> {
    const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
    await this.#step('write', file, offset, length)
    await this.inner.write(file, offset, chunks)
  }
  async status(file: number): Promise<FileStatus> {
    await this.#step('status', file)
    const status = await this.inner.status(file)
    return this.modified === undefined ? status : { ...status, modified: this.modified }
  }
  async create(file: number): Promise<void> {
    await this.#step('create', file)
    await this.inner.create(file)
  }
  async remove(file: number): Promise<void> {
    await this.#step('remove', file)
    await this.inner.remove(file)
  }
  async flush(): Promise<void> {
    await this.#step('flush')
  }
  async destroy(): Promise<void> {
    await this.#step('destroy')
    await this.inner.destroy()
  }
  async close(): Promise<void> {
    await this.#step('close')
  }

  count(method: Method): number {
    return this.calls.filter((call) => call.method === method).length
  }

  async #step(method: Method, file = -1, offset = 0, length = 0): Promise<void> {
    this.calls.push({ method, file, offset, length })
    await this.before(method, file, offset, length)
  }
}
