/**
 * What the tests send about: files of odd shapes with random bytes, and their torrents made by libtorrent, so
 * that nothing of ours decides what is right.
 */

import { randomFillSync } from 'node:crypto'
import { type FileHandle, mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect } from 'vitest'
import type { Libtorrent } from './libtorrent.js'
import type { Scene } from './scene.js'

const KIB = 1024
const MIB = 1024 * KIB
/** Files are written and compared in parts: they may be larger than the memory is. */
const CHUNK = 8 * MIB

export interface Shape {
  readonly pieceLength: number
  /** Path below the torrent's name -> bytes; a single file has the path ''. */
  readonly files: Readonly<Record<string, number>>
}

/** Every shape that has broken a client before. */
export const SHAPES = {
  'a file': { pieceLength: 64 * KIB, files: { '': 3 * MIB + 17 } },
  'a file smaller than a block': { pieceLength: 32 * KIB, files: { '': 5_000 } },
  'a file with a last piece of one byte': { pieceLength: 32 * KIB, files: { '': 5 * 32 * KIB + 1 } },
  'a file that ends with its last block': { pieceLength: 32 * KIB, files: { '': 20 * 32 * KIB } },
  'pieces of 8 MiB': { pieceLength: 8 * MIB, files: { '': 20 * MIB + 5 } },
  'pieces of one block': { pieceLength: 16 * KIB, files: { '': 4 * MIB + 3 } },
  'a folder': {
    pieceLength: 64 * KIB,
    files: {
      'a piece.bin': 64 * KIB,
      'crosses pieces.bin': 1 * MIB + 1,
      'empty at the end of the list/z': 0,
      'empty.txt': 0,
      'nested/deep/file.bin': 300_000,
      'nested/one byte': 1,
      'nested/smaller than a block.bin': 9_999,
      'nested/ünïcödé 文字.txt': 12_345,
    },
  },
  'a folder of many small files': {
    pieceLength: 32 * KIB,
    files: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`d${i % 7}/file ${i}`, (i * 37) % 900])),
  },
} as const satisfies Record<string, Shape>

export type ShapeName = keyof typeof SHAPES

export interface Payload {
  /** Torrent file. */
  readonly torrent: string
  /** By which libtorrent knows it: v1 where there is one, else v2. */
  readonly infoHash: string
  /** Folder that holds the data: what clients get as their download folder. */
  readonly dir: string
  readonly name: string
  readonly size: number
  readonly pieceLength: number
  readonly pieceCount: number
  /** Paths below a download folder, with the torrent's name in front. */
  readonly paths: readonly string[]
}

/** Writes random files of this shape and has libtorrent make their torrent. */
export async function makePayload(
  scene: Scene,
  libtorrent: Libtorrent,
  shape: Shape,
  options: {
    readonly name?: string
    readonly trackers?: readonly string[]
    readonly version?: '1' | '2' | 'hybrid'
  } = {},
): Promise<Payload> {
  const name = options.name ?? 'payload'
  const dir = await scene.folder(`data-${name}`)
  const files = Object.entries(shape.files).map(([below, length]) => ({ path: join(name, below), length }))
  for (const { path, length } of files) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeRandom(join(dir, path), length)
  }
  const torrent = scene.path(`${name}.torrent`)
  const info = await libtorrent.create({
    path: join(dir, name),
    out: torrent,
    pieceLength: shape.pieceLength,
    ...(options.version === undefined ? {} : { version: options.version }),
    ...(options.trackers === undefined ? {} : { trackers: options.trackers }),
  })
  const { pieceCount, pieceLength } = info
  // libtorrent counts pads: of a torrent with a v2 half the files say how much there is.
  const size = Object.values(shape.files).reduce((sum, length) => sum + length, 0)
  const infoHash = info.infoHash ?? (info.infoHashV2 as string)
  return { torrent, infoHash, dir, name, size, pieceLength, pieceCount, paths: files.map(({ path }) => path) }
}

/**
 * Fails unless the folder holds every file of the payload, byte for byte. `empty: false` lets empty files be
 * missing: Transmission never makes them, WebTorrent not always.
 */
export async function expectSame(
  payload: Payload,
  dir: string,
  { empty = true }: { readonly empty?: boolean } = {},
): Promise<void> {
  for (const path of payload.paths) {
    const theirs = await open(join(payload.dir, path))
    const { size } = await theirs.stat()
    if (size > 0 || empty) {
      const ours = await open(join(dir, path))
      expect((await ours.stat()).size, path).toBe(size)
      expect(await differAt(ours, theirs, size), `${path} differs at`).toBe(-1)
      await ours.close()
    }
    await theirs.close()
  }
}

/** First of the chunks in which two files of a size differ, as its position; -1 when they are the same. */
async function differAt(a: FileHandle, b: FileHandle, size: number): Promise<number> {
  const [one, two] = [Buffer.alloc(CHUNK), Buffer.alloc(CHUNK)]
  for (let at = 0; at < size; at += CHUNK) {
    const length = Math.min(CHUNK, size - at)
    await Promise.all([a.read(one, 0, length, at), b.read(two, 0, length, at)])
    if (one.compare(two, 0, length, 0, length) !== 0) return at
  }
  return -1
}

async function writeRandom(path: string, length: number): Promise<void> {
  const file = await open(path, 'w')
  const bytes = Buffer.alloc(Math.min(CHUNK, length))
  for (let at = 0; at < length; at += CHUNK)
    await file.write(randomFillSync(bytes), 0, Math.min(CHUNK, length - at))
  await file.close()
}

/** Copies the payload into `dir` with some bytes of it spoilt: the share `good` of each file from its start stays right. */
export async function copySpoilt(payload: Payload, dir: string, good: number): Promise<void> {
  for (const path of payload.paths) {
    const bytes = await readFile(join(payload.dir, path))
    randomFillSync(bytes, Math.floor(bytes.length * good))
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), bytes)
  }
}
