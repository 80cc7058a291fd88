/**
 * Reads torrent files (BEP 3). What the field writes is accepted: dictionaries out of order, names that
 * are not UTF-8, missing keys that nobody needs. What could harm is refused with a code.
 *
 * | code | when |
 * |---|---|
 * | `bencode/...` | the bytes are not one bencoded value, or exceed a limit |
 * | `metainfo/not-a-dictionary` | the value is no dictionary |
 * | `metainfo/missing-info` | no `info`, or it is no dictionary |
 * | `metainfo/version-too-new` | `meta version` above 2 |
 * | `metainfo/v2-unsupported` | only the v2 side is there |
 * | `metainfo/bad-piece-length` | `piece length` missing, not in 1 .. 512 MiB |
 * | `metainfo/bad-pieces` | `pieces` missing, no string, not of 20 bytes each |
 * | `metainfo/wrong-piece-count` | `pieces` does not cover the files exactly |
 * | `metainfo/too-many-pieces`, `metainfo/too-many-files` | above the limit |
 * | `metainfo/length-and-files`, `metainfo/missing-length` | both or none of `length` and `files` |
 * | `metainfo/no-files`, `metainfo/bad-files` | `files` is empty or all pads, no list, or holds something else than dictionaries |
 * | `metainfo/bad-length` | a `length` missing, no integer, or negative |
 * | `metainfo/size-overflow` | a length or the sum of all above 2^53 - 1 |
 * | `metainfo/bad-name`, `metainfo/bad-path` | `name` no string; `path` no list of strings |
 * | `metainfo/bad-symlink` | a symlink that holds data |
 * | `metainfo/path-...`, `metainfo/absolute-path`, `metainfo/empty-path` | see `paths.ts` |
 * @module
 */

import { sha1 } from '#hash'
import {
  asBytes,
  asDict,
  asInteger,
  asList,
  asText,
  type BencodeDict,
  type BencodeValue,
  decode,
  span,
} from '../bencode/index.js'
import { toHex } from '../util/bytes.js'
import { ProtocolError, type Result } from '../util/errors.js'
import { readFiles, readSingleFile } from './files.js'
import { Layout } from './layout.js'
import type { Metainfo, MetainfoLimits } from './model.js'
import { nameDanger, posixName, quoteName, readableName, safeName } from './paths.js'
import { isTrackerUrl, isWebSeedUrl, MAX_URLS, readNodes, readTrackers, readWebSeeds } from './urls.js'

/** Limits of {@link parseMetainfo} where none are given; the reasons stand with {@link MetainfoLimits}. */
export const METAINFO_LIMITS: Required<MetainfoLimits> = {
  maxLength: 64 * 1024 * 1024,
  maxDepth: 100,
  maxTokens: 2_000_000,
  maxPieces: 2 ** 21,
  maxFiles: 2 ** 18,
  maxPieceLength: 512 * 1024 * 1024,
}

/**
 * Parses a torrent file. The result keeps views of `input`. Throws {@link ProtocolError} with a code of
 * the table above; its message names the key.
 */
export function parseMetainfo(input: Uint8Array, limits?: MetainfoLimits): Metainfo {
  // Views of a Buffer would be Buffers, which compare and print differently.
  const bytes =
    ArrayBuffer.isView(input) && input.constructor !== Uint8Array
      ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength)
      : input
  const caps = { ...METAINFO_LIMITS, ...limits }
  const lenient = {
    maxLength: caps.maxLength,
    maxDepth: caps.maxDepth,
    maxTokens: caps.maxTokens,
    unsortedKeys: true,
  }
  const root = asDict(decode(bytes, lenient))
  if (root === undefined) throw refuse('not-a-dictionary', 'a torrent must be a dictionary')
  const info = asDict(root.get('info'))
  const at = span(bytes, ['info'], lenient)
  if (info === undefined || at === undefined) throw refuse('missing-info', 'info must be a dictionary')
  const infoBytes = bytes.subarray(at.start, at.end)
  // Two makers that order a v2 dictionary differently would give one torrent two names (BEP 52).
  if (checkVersion(info) === 'hybrid') decode(bytes, { ...lenient, unsortedKeys: false })

  const pieceLength = asInteger(info.get('piece length'))
  if (pieceLength === undefined || pieceLength < 1 || pieceLength > caps.maxPieceLength)
    throw refuse('bad-piece-length', `info.piece length must be an integer in 1 .. ${caps.maxPieceLength}`)
  const pieces = asBytes(info.get('pieces'))
  if (pieces === undefined || pieces.length % 20 !== 0)
    throw refuse('bad-pieces', 'info.pieces must be a string of 20 bytes per piece')
  if (pieces.length / 20 > caps.maxPieces)
    throw refuse('too-many-pieces', `info.pieces holds ${pieces.length / 20}, the limit is ${caps.maxPieces}`)

  const infoHash = sha1(infoBytes)
  const naming = readName(info, infoHash)
  const multiFile = info.has('files')
  if (multiFile && info.has('length'))
    throw refuse('length-and-files', 'info must hold length or files, not both')
  const files = multiFile ? readFiles(info.get('files'), caps.maxFiles) : [readSingleFile(info, naming)]
  const layout = new Layout(files, pieceLength)
  if (layout.pieceCount !== pieces.length / 20)
    throw refuse(
      'wrong-piece-count',
      `info.pieces holds ${pieces.length / 20}, the files need ${layout.pieceCount}`,
    )
  let size = 0
  for (const file of files) if (!file.pad) size += file.length

  const announce = asText(root.get('announce'))?.trim()
  const usable = announce !== undefined && isTrackerUrl(announce) ? announce : undefined
  const updateUrl = asText(info.get('update-url'))
  return {
    version: '1',
    infoHash,
    infoHashV2: undefined,
    ...naming,
    multiFile,
    pieceLength,
    pieceCount: layout.pieceCount,
    size,
    files,
    layout,
    pieces,
    pieceLayers: new Map(),
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
export function tryParseMetainfo(bytes: Uint8Array, limits?: MetainfoLimits): Result<Metainfo> {
  try {
    return { ok: true, value: parseMetainfo(bytes, limits) }
  } catch (error) {
    if (error instanceof ProtocolError) return { ok: false, error }
    throw error
  }
}

/** The SHA-1 of a piece as a view of `pieces`. */
export function pieceHash(metainfo: Metainfo, piece: number): Uint8Array {
  return metainfo.pieces.subarray(20 * piece, 20 * piece + 20)
}

/** Before any other complaint: a torrent of a later format says so here (BEP 52). */
function checkVersion(info: BencodeDict): '1' | 'hybrid' {
  const version = info.get('meta version')
  if ((typeof version === 'number' || typeof version === 'bigint') && version > 2)
    throw refuse('version-too-new', `info.meta version is ${version}, known are 1 and 2`)
  if (!info.has('pieces') && (version === 2 || info.has('file tree')))
    throw refuse('v2-unsupported', 'info.pieces is missing: torrents of version 2 alone cannot be loaded yet')
  return version === 2 ? 'hybrid' : '1'
}

function readName(
  info: BencodeDict,
  infoHash: Uint8Array,
): { readonly name: string; readonly originalName: string | undefined; readonly nameBytes: Uint8Array } {
  const value = info.get('name')
  const chosen = asBytes(info.get('name.utf-8')) ?? asBytes(value)
  if (value !== undefined && asBytes(value) === undefined)
    throw refuse('bad-name', 'info.name must be a string')
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

/** Items of a list that may stand in `info`, outside or both (BEP 38). */
function merged<T>(
  root: BencodeDict,
  info: BencodeDict,
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

function refuse(code: string, message: string): ProtocolError {
  return new ProtocolError(`metainfo/${code}`, message)
}
