/**
 * Reads torrent files (BEP 3, 52). What the field writes is accepted in v1: dictionaries out of order, names
 * that are not UTF-8, missing keys that are not needed, a byte order mark or blanks in front, anything behind. What could harm is refused with a code, and so is
 * whatever BEP 52 calls invalid.
 *
 * | code | when |
 * |---|---|
 * | `bencode/...` | the bytes are not one bencoded value, or exceed a limit; in v2 also keys out of order |
 * | `metainfo/not-a-dictionary` | the value is no dictionary |
 * | `metainfo/missing-info` | no `info`, or it is no dictionary |
 * | `metainfo/version-too-new` | `meta version` above 2 |
 * | `metainfo/bad-version` | a file tree alone without `meta version` 2 |
 * | `metainfo/bad-piece-length` | `piece length` missing, not in 1 .. 512 MiB; in v2 no power of two from 16 KiB |
 * | `metainfo/bad-pieces` | `pieces` missing, no string, not of 20 bytes each |
 * | `metainfo/wrong-piece-count` | `pieces` does not cover the files exactly |
 * | `metainfo/too-many-pieces`, `metainfo/too-many-files` | above the limit |
 * | `metainfo/length-and-files`, `metainfo/missing-length` | both (in a hybrid) or none of `length` and `files` |
 * | `metainfo/no-files`, `metainfo/bad-files` | `files` is empty or all pads, no list, or holds something else than dictionaries |
 * | `metainfo/pad-too-long` | pads as long as a piece between two files: zeros without end to hash, and of no use (BEP 47) |
 * | `metainfo/bad-length` | a `length` missing, no integer, or negative |
 * | `metainfo/size-overflow` | a length or the sum of all above 2^53 - 1 |
 * | `metainfo/bad-name`, `metainfo/bad-path` | `name` no string; `path` no list of strings |
 * | `metainfo/bad-symlink` | a symlink of v2 that holds data |
 * | `metainfo/path-...`, `metainfo/absolute-path`, `metainfo/empty-path` | see `paths.ts` |
 * | `metainfo/bad-file-tree` | `file tree` missing, itself a file, or holds something else than dictionaries |
 * | `metainfo/file-with-siblings` | a file of the tree that is also a folder |
 * | `metainfo/missing-root`, `metainfo/bad-root` | data without `pieces root`; one of another length, of zeros, or of an empty file |
 * | `metainfo/pad-in-file-tree` | a pad among the v2 files |
 * | `metainfo/hybrid-mismatch` | the two halves of a hybrid list other files |
 * | `metainfo/bad-piece-layers` | `piece layers` no dictionary of strings |
 * | `metainfo/missing-piece-layer` | a file longer than a piece has none |
 * | `metainfo/bad-piece-layer-length`, `metainfo/wrong-piece-layer` | not one hash a piece; another layer of the tree |
 * | `metainfo/piece-layer-mismatch` | a layer that does not fold to its root |
 * | `metainfo/unknown-piece-layer` | a layer of no file that needs one |
 * @module
 */

import { sha1, sha256 } from '#hash'
import { type Cursor, LazyDict, walk } from '../bencode/cursor.js'
import {
  asBytes,
  asInteger,
  asList,
  asText,
  type BencodeValue,
  type DecodeOptions,
} from '../bencode/index.js'
import { equalBytes, toHex } from '../util/bytes.js'
import { ProtocolError, type Result } from '../util/errors.js'
import { joined, padded } from './align.js'
import { refuse } from './file-entry.js'
import { readTree } from './file-tree.js'
import { readFiles, readSingleFile } from './files.js'
import { BLOCK_LENGTH, Layout } from './layout.js'
import type { Metainfo, MetainfoFile, MetainfoLimits, ParseOptions } from './model.js'
import { nameDanger, posixName, quoteName, readableName, safeName } from './paths.js'
import { readPieceLayers } from './piece-layers.js'
import { isTrackerUrl, isWebSeedUrl, MAX_URLS, readNodes, readTrackers, readWebSeeds } from './urls.js'

/** Limits of {@link parseMetainfo} where none are given; the reasons stand with {@link MetainfoLimits}. */
export const METAINFO_LIMITS: Required<MetainfoLimits> = {
  maxLength: 64 * 1024 * 1024,
  maxDepth: 100,
  maxTokens: 3_000_000,
  maxPieces: 2 ** 21,
  maxFiles: 2 ** 18,
  maxPieceLength: 512 * 1024 * 1024,
}

/**
 * Parses a torrent file. The result keeps views of `input`. Throws {@link ProtocolError} with a code of
 * the table above; its message names the key.
 */
export function parseMetainfo(input: Uint8Array, options?: ParseOptions): Metainfo {
  // Views of a Buffer would be Buffers, which compare and print differently.
  const given =
    ArrayBuffer.isView(input) && input.constructor !== Uint8Array
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : input
  const { pieceLayers: mode = 'strict', ...chosen } = options ?? {}
  const caps = { ...METAINFO_LIMITS, ...chosen }
  const { maxLength, maxDepth, maxTokens } = caps
  const front = given instanceof Uint8Array ? blanks(given) : 0
  const file = front === 0 ? given : given.subarray(front)
  const { start, end, unsorted } = check(file, { maxLength, maxDepth, maxTokens })
  const bytes = end === file.length ? file : file.subarray(0, end)
  if (!start.isDict()) throw refuse('metainfo/not-a-dictionary', 'a torrent must be a dictionary')
  const root = new LazyDict(start)
  const at = root.cursor('info')
  if (at?.isDict() !== true) throw refuse('metainfo/missing-info', 'info must be a dictionary')
  const infoStart = at.at
  const info = new LazyDict(at)
  const version = readVersion(info)
  // Two makers that order a v2 dictionary differently would give one torrent two names (BEP 52).
  if (version !== '1' && unsorted !== undefined) throw unsorted
  const infoBytes = bytes.subarray(infoStart, at.at)
  const infoHash = version === '2' ? undefined : sha1(infoBytes)
  const infoHashV2 = version === '1' ? undefined : sha256(infoBytes)

  const pieceLength = readPieceLength(info, version, caps)
  const pieces = version === '2' ? new Uint8Array(0) : readPieces(info, caps)
  const tree = version === '1' ? undefined : readTree(info.cursor('file tree'), caps.maxFiles)
  const multiFile = version === '2' ? !isSingleTree(info, tree ?? []) : hasFileList(info)
  const naming = readName(info, infoHash ?? (infoHashV2 as Uint8Array), multiFile ? undefined : tree?.[0])
  const files =
    tree === undefined
      ? readList(info, naming, caps.maxFiles, pieceLength)
      : named(
          version === '2' ? padded(tree, pieceLength) : joined(info, tree, pieceLength),
          multiFile ? undefined : naming,
        )
  const layout = layOut(files, pieceLength, version, caps.maxPieces)
  if (version !== '2' && layout.pieceCount !== pieces.length / 20)
    throw refuse(
      'metainfo/wrong-piece-count',
      `info.pieces holds ${pieces.length / 20}, the files need ${layout.pieceCount}`,
    )
  const pieceLayers =
    version === '1' ? new Map() : readPieceLayers(root.cursor('piece layers'), files, pieceLength, mode)
  let size = 0
  for (const file of files) if (!file.pad) size += file.length

  const announce = asText(root.get('announce'))?.trim()
  const usable = announce !== undefined && isTrackerUrl(announce) ? announce : undefined
  const updateUrl = asText(info.get('update-url'))
  return {
    version,
    infoHash,
    infoHashV2,
    ...naming,
    multiFile,
    pieceLength,
    pieceCount: layout.pieceCount,
    size,
    files,
    layout,
    pieces,
    pieceLayers,
    private: info.get('private') === 1,
    source: asText(info.get('source')),
    comment: asText(root.get('comment.utf-8') ?? root.get('comment')),
    createdBy: asText(root.get('created by')),
    creationDate: asInteger(root.get('creation date')),
    encoding: asText(root.get('encoding')),
    announce: usable,
    trackers: readTrackers(root.get('announce-list'), usable),
    webSeeds: readWebSeeds(root.get('url-list')),
    httpSeeds: readWebSeeds(root.get('httpseeds')),
    nodes: readNodes(root.get('nodes')),
    similar: merged(root, info, 'similar', (value) => {
      const hash = asBytes(value)
      return hash?.length === 20 || hash?.length === 32 ? hash : undefined
    }),
    collections: merged(root, info, 'collections', asText),
    updateUrl: updateUrl !== undefined && isWebSeedUrl(updateUrl) ? updateUrl : undefined,
    infoBytes,
    bytes,
  }
}

/** {@link parseMetainfo} as a result: no bytes make it throw. */
export function tryParseMetainfo(bytes: Uint8Array, options?: ParseOptions): Result<Metainfo> {
  try {
    return { ok: true, value: parseMetainfo(bytes, options) }
  } catch (error) {
    if (error instanceof ProtocolError) return { ok: false, error }
    throw error
  }
}

/** The SHA-1 of a piece as a view of `pieces`. */
export function pieceHash(metainfo: Metainfo, piece: number): Uint8Array {
  return metainfo.pieces.subarray(20 * piece, 20 * piece + 20)
}

/**
 * Walks over the whole file, so that it can be read without further checks and values are built of no more
 * than what is asked for. Keys out of order are told beside the start of it, for v1 torrents may have them.
 */
function check(
  bytes: Uint8Array,
  limits: DecodeOptions,
): { readonly start: Cursor; readonly end: number; readonly unsorted: ProtocolError | undefined } {
  try {
    return { ...walk(bytes, limits), unsorted: undefined }
  } catch (error) {
    if (!(error instanceof ProtocolError) || error.code !== 'bencode/unsorted-key') throw error
    return { ...walk(bytes, { ...limits, unsortedKeys: true }), unsorted: error }
  }
}

/** How many bytes of a byte order mark, blanks and line ends stand in front, which editors and web servers put there. */
function blanks(bytes: Uint8Array): number {
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0
  while (bytes[at] === 0x20 || bytes[at] === 0x0a || bytes[at] === 0x0d || bytes[at] === 0x09) at++
  return at
}

/** Before any other complaint: a torrent of a later format says so here (BEP 52). */
function readVersion(info: LazyDict): Metainfo['version'] {
  const version = info.get('meta version')
  if ((typeof version === 'number' || typeof version === 'bigint') && version > 2)
    throw refuse('metainfo/version-too-new', `info.meta version is ${version}, known are 1 and 2`)
  // One key of the v1 half promises the others.
  const old = info.has('pieces') || info.has('files') || info.has('length')
  if (version === 2) return old ? 'hybrid' : '2'
  if (!old && info.has('file tree')) throw refuse('metainfo/bad-version', 'info.meta version must be 2')
  return '1'
}

function readPieceLength(
  info: LazyDict,
  version: Metainfo['version'],
  { maxPieceLength }: Required<MetainfoLimits>,
): number {
  const length = asInteger(info.get('piece length'))
  if (length === undefined || length < 1 || length > maxPieceLength)
    throw refuse(
      'metainfo/bad-piece-length',
      `info.piece length must be an integer in 1 .. ${maxPieceLength}`,
    )
  if (version !== '1' && (length < BLOCK_LENGTH || !Number.isInteger(Math.log2(length))))
    throw refuse(
      'metainfo/bad-piece-length',
      `info.piece length must be a power of two from 16384, got ${length}`,
    )
  return length
}

function readPieces(info: LazyDict, { maxPieces }: Required<MetainfoLimits>): Uint8Array {
  const pieces = asBytes(info.get('pieces'))
  if (pieces === undefined || pieces.length % 20 !== 0)
    throw refuse('metainfo/bad-pieces', 'info.pieces must be a string of 20 bytes per piece')
  if (pieces.length / 20 > maxPieces)
    throw refuse(
      'metainfo/too-many-pieces',
      `info.pieces holds ${pieces.length / 20}, the limit is ${maxPieces}`,
    )
  return pieces
}

interface Naming {
  readonly name: string
  readonly originalName: string | undefined
  readonly nameBytes: Uint8Array
}

/** True for `files`, whatever `length` says beside it, unless they are none at all: so libtorrent reads it. */
function hasFileList(info: LazyDict): boolean {
  const files = info.cursor('files')
  if (files === undefined || !info.has('length')) return files !== undefined
  if (!files.isList()) return false
  files.enter()
  return files.more()
}

/** The file list of a v1 torrent. */
function readList(
  info: LazyDict,
  naming: Naming,
  maxFiles: number,
  pieceLength: number,
): readonly MetainfoFile[] {
  if (!hasFileList(info)) return [readSingleFile(info, naming)]
  return readFiles(info.cursor('files') as Cursor, maxFiles, pieceLength)
}

/** True for the tree of a single file: its one entry has the torrent's name, or the torrent has none (BEP 52). */
function isSingleTree(info: LazyDict, tree: readonly MetainfoFile[]): boolean {
  const path = tree[0]?.rawPath
  if (tree.length !== 1 || path?.length !== 1) return false
  const name = asBytes(info.get('name'))
  return name === undefined || name.length === 0 || equalBytes(name, path[0] as Uint8Array)
}

/** A single file is called like its torrent, in every format. */
function named(files: readonly MetainfoFile[], naming: Naming | undefined): readonly MetainfoFile[] {
  if (naming === undefined) return files
  const { name, originalName } = naming
  const originalPath = originalName === undefined ? undefined : [originalName]
  return files.map((file) => ({ ...file, path: [name], originalPath }))
}

function layOut(
  files: readonly MetainfoFile[],
  pieceLength: number,
  version: Metainfo['version'],
  maxPieces: number,
): Layout {
  const last = files[files.length - 1]
  const pieceCount = last === undefined ? 0 : Math.ceil((last.offset + last.length) / pieceLength)
  // Told for the v1 list by its number of hashes.
  if (version === '2' && pieceCount > maxPieces)
    throw refuse(
      'metainfo/too-many-pieces',
      `info.file tree makes ${pieceCount} pieces, the limit is ${maxPieces}`,
    )
  if (version !== '1' && pieceCount <= maxPieces) return new Layout(files, pieceLength, { aligned: true })
  return new Layout(files, pieceLength)
}

function readName(info: LazyDict, infoHash: Uint8Array, single: MetainfoFile | undefined): Naming {
  const value = info.get('name')
  const chosen = notEmpty(asBytes(info.get('name.utf-8'))) ?? asBytes(value) ?? single?.rawPath[0]
  if (value !== undefined && asBytes(value) === undefined)
    throw refuse('metainfo/bad-name', 'info.name must be a string')
  const text = chosen === undefined ? '' : readableName(chosen)
  const danger = nameDanger(text)
  if (danger !== undefined) throw new ProtocolError(danger, `info.name is ${quoteName(text)}`)
  // The name is advisory (BEP 3), so a torrent without one still has its hash.
  const name = text === '' || text === '.' ? toHex(infoHash) : safeName(text)
  const spelt = chosen === undefined || chosen.length === 0 || text === '.' ? undefined : posixName(chosen)
  return {
    name,
    originalName: spelt === name ? undefined : spelt,
    nameBytes: asBytes(value) ?? chosen ?? new Uint8Array(0),
  }
}

function notEmpty(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes?.length === 0 ? undefined : bytes
}

/** Items of a list that may stand in `info`, outside or both (BEP 38). */
function merged<T>(
  root: LazyDict,
  info: LazyDict,
  key: string,
  read: (value: BencodeValue) => T | undefined,
): readonly T[] {
  const items: T[] = []
  for (const list of [info.get(key), root.get(key)]) {
    for (const value of asList(list) ?? []) {
      const item = read(value)
      if (item !== undefined && items.length < MAX_URLS) items.push(item)
    }
  }
  return items
}
