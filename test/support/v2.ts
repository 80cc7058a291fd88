/** Torrents of v2 and hybrids, made from the specification by other means than the library's (BEP 52). */

import { createHash } from 'node:crypto'
import { type Encodable, encode } from '../../src/bencode/index.js'
import { Layout } from '../../src/metainfo/layout.js'
import type { Metainfo, MetainfoFile } from '../../src/metainfo/model.js'
import { utf8 } from '../../src/util/bytes.js'
import { seededRandom } from './random.js'

const BLOCK = 16_384

export interface V2Content {
  /** The run of bytes that pieces are counted in: the files, with zeros for the pads. */
  readonly data: Uint8Array
  readonly metainfo: Metainfo
  readonly files: readonly { readonly path: string; readonly data: Uint8Array }[]
}

export interface V2Options {
  readonly version?: '2' | 'hybrid'
  readonly trackers?: readonly string[]
  readonly seed?: number
  /** Changes the v1 hashes of a hybrid before they are written down: halves that disagree. */
  readonly lie?: (pieces: Uint8Array) => void
}

/** A torrent of files of random bytes: one file alone, or several below the folder `set`. */
export function v2Content(
  lengths: readonly number[],
  pieceLength: number,
  options: V2Options = {},
): V2Content {
  const { version = '2', trackers = [], seed = 1 } = options
  const random = seededRandom(seed)
  const single = lengths.length === 1
  const name = single ? 'data.bin' : 'set'
  const parts: Uint8Array[] = []
  const files: MetainfoFile[] = []
  const onDisk: { path: string; data: Uint8Array }[] = []
  const tree: Record<string, Encodable> = {}
  const pieceLayers = new Map<string, Uint8Array>()
  let offset = 0
  for (const [index, length] of lengths.entries()) {
    const path = [single ? name : `file-${String(index).padStart(4, '0')}.bin`]
    const data = random.bytes(length)
    const { root, layer } = treeOf(data, pieceLength)
    if (layer.length > 0) pieceLayers.set(root.toString('hex'), layer)
    tree[path[0] as string] = {
      '': length > 0 ? { length, 'pieces root': new Uint8Array(root) } : { length },
    }
    files.push({
      path,
      rawPath: path.map(utf8),
      length,
      offset,
      pad: false,
      executable: false,
      hidden: false,
      piecesRoot: length > 0 ? new Uint8Array(root) : undefined,
    })
    onDisk.push({ path: single ? name : `set/${path[0]}`, data })
    parts.push(data)
    offset += length
    const gap = (pieceLength - (offset % pieceLength)) % pieceLength
    if (gap === 0 || !lengths.slice(index + 1).some((next) => next > 0)) continue
    const pad = ['.pad', String(gap)]
    files.push({
      path: pad,
      rawPath: pad.map(utf8),
      length: gap,
      offset,
      pad: true,
      executable: false,
      hidden: false,
    })
    parts.push(new Uint8Array(gap))
    offset += gap
  }
  const data = new Uint8Array(Buffer.concat(parts))
  const layout = new Layout(files, pieceLength, { aligned: true })
  const pieces = version === 'hybrid' ? v1Hashes(data, pieceLength) : new Uint8Array(0)
  options.lie?.(pieces)
  const v1 = {
    ...(single
      ? { length: data.length }
      : {
          files: files.map(({ path, length, pad }) => ({
            ...(pad ? { attr: 'p' } : {}),
            length,
            path: [...path],
          })),
        }),
    pieces,
  }
  const info = encode({
    'file tree': tree,
    'meta version': 2,
    name,
    'piece length': pieceLength,
    ...(version === 'hybrid' ? v1 : {}),
  })
  const metainfo: Metainfo = {
    version,
    infoHash: version === 'hybrid' ? new Uint8Array(createHash('sha1').update(info).digest()) : undefined,
    infoHashV2: new Uint8Array(createHash('sha256').update(info).digest()),
    name,
    nameBytes: utf8(name),
    multiFile: !single,
    pieceLength,
    pieceCount: layout.pieceCount,
    size: lengths.reduce((sum, length) => sum + length, 0),
    files,
    layout,
    pieces,
    pieceLayers,
    private: false,
    trackers: trackers.map((url) => [url]),
    webSeeds: [],
    httpSeeds: [],
    nodes: [],
    similar: [],
    collections: [],
    infoBytes: info,
    bytes: torrentFile(info, pieceLayers, trackers),
  }
  return { data, metainfo, files: onDisk }
}

/** The same torrent without its piece layers: they are to come from peers. */
export function withoutLayers<C extends { readonly metainfo: Metainfo }>(content: C): C {
  return { ...content, metainfo: { ...content.metainfo, pieceLayers: new Map<string, Uint8Array>() } }
}

/** A hybrid as a client sees it that knows only one half of it. */
export function half<C extends { readonly metainfo: Metainfo }>(content: C, version: '1' | '2'): C {
  const { metainfo } = content
  const { files, pieceLength } = metainfo
  const one: Partial<Metainfo> =
    version === '1'
      ? { infoHashV2: undefined, pieceLayers: new Map(), layout: new Layout(files, pieceLength) }
      : {
          infoHash: undefined,
          pieces: new Uint8Array(0),
          layout: new Layout(files, pieceLength, { aligned: true }),
        }
  return { ...content, metainfo: { ...metainfo, ...one, version } }
}

/** Root and piece layer of a file by plain recursion. */
export function treeOf(data: Uint8Array, pieceLength: number): { root: Buffer; layer: Uint8Array } {
  const blocks: Buffer[] = []
  for (let at = 0; at < data.length; at += BLOCK) blocks.push(hash(data.subarray(at, at + BLOCK)))
  const perPiece = pieceLength / BLOCK
  if (blocks.length <= perPiece)
    return { root: fold(blocks, powerOfTwo(blocks.length)), layer: new Uint8Array(0) }
  const roots: Buffer[] = []
  for (let at = 0; at < blocks.length; at += perPiece)
    roots.push(fold(blocks.slice(at, at + perPiece), perPiece))
  return { root: fold(blocks, powerOfTwo(blocks.length)), layer: new Uint8Array(Buffer.concat(roots)) }
}

function fold(nodes: readonly Buffer[], width: number): Buffer {
  if (width === 1) return nodes[0] ?? Buffer.alloc(32)
  const half = width / 2
  return hash(Buffer.concat([fold(nodes.slice(0, half), half), fold(nodes.slice(half), half)]))
}

function powerOfTwo(count: number): number {
  let power = 1
  while (power < count) power *= 2
  return power
}

function v1Hashes(data: Uint8Array, pieceLength: number): Uint8Array {
  const hashes: Buffer[] = []
  for (let at = 0; at < data.length; at += pieceLength)
    hashes.push(
      createHash('sha1')
        .update(data.subarray(at, at + pieceLength))
        .digest(),
    )
  return new Uint8Array(Buffer.concat(hashes))
}

function torrentFile(
  info: Uint8Array,
  layers: ReadonlyMap<string, Uint8Array>,
  trackers: readonly string[],
): Uint8Array {
  const [first] = trackers
  const binary = new Map(
    [...layers].map(([root, layer]) => [Buffer.from(root, 'hex').toString('latin1'), layer] as const),
  )
  const head = first === undefined ? [] : [encode('announce'), encode(first)]
  return new Uint8Array(
    Buffer.concat([
      Buffer.from('d'),
      ...head,
      encode('info'),
      info,
      encode('piece layers'),
      encode(binary),
      Buffer.from('e'),
    ]),
  )
}

function hash(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest()
}
