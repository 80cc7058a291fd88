/**
 * What a .torrent file says, after every check (BEP 3, 12, 19, 27, 38, 47, 52).
 * @module
 */

import type { Layout } from './layout.js'

/**
 * One entry of the torrent's list of files, in torrent order. Pads are entries too: of a hybrid those of its
 * v1 half, of a v2 torrent those that would stand there, so that every format is one run of bytes.
 */
export interface MetainfoFile {
  /**
   * Where the file lives below the torrent's folder (multi-file) or the download directory (single file:
   * its one element is the torrent's name). Every element is safe on Linux, macOS and Windows, and no two
   * files have the same path there, nor is one the folder of another.
   */
  readonly path: readonly string[]
  /**
   * The path as the torrent spells it, present only where it differs from {@link path} and POSIX could
   * store it. Data that another client wrote may lie there; nothing new is written to it.
   */
  readonly originalPath?: readonly string[] | undefined
  /** The bytes of the path elements as they stand in the torrent, empty ones included. */
  readonly rawPath: readonly Uint8Array[]
  /** Bytes. 0 for a symlink. */
  readonly length: number
  /** Bytes of the torrent before this file, pads included. */
  readonly offset: number
  /** True for zeros that are hashed but never stored, requested or shown (BEP 47). */
  readonly pad: boolean
  readonly executable: boolean
  readonly hidden: boolean
  /** Target of a symlink, safe path elements from the torrent's folder (BEP 47). */
  readonly symlink?: readonly string[] | undefined
  /** 20 bytes over the file alone: a hint for finding duplicates, never a proof (BEP 47). */
  readonly sha1?: Uint8Array | undefined
  /** As found; a hint like `sha1`. */
  readonly md5sum?: string | undefined
  /** Merkle root of the file, 32 bytes; in v2 and hybrid, unless the file is empty, a pad or a symlink (BEP 52). */
  readonly piecesRoot?: Uint8Array | undefined
}

/** A parsed and checked torrent file. Byte arrays are views of {@link bytes}: do not write to them. */
export interface Metainfo {
  /** The formats it holds: BEP 3, BEP 52, or both over the same files. */
  readonly version: '1' | '2' | 'hybrid'
  /** SHA-1 of the raw bytes of `info`, 20 bytes; present in v1 and hybrid. */
  readonly infoHash?: Uint8Array | undefined
  /** SHA-256 of the raw bytes of `info`, 32 bytes; present in v2 and hybrid. */
  readonly infoHashV2?: Uint8Array | undefined
  /** Safe name of the one file or of the folder; the infohash in hex where the torrent gives none. */
  readonly name: string
  /** The name as the torrent spells it, where it differs from {@link name} and POSIX could store it. */
  readonly originalName?: string | undefined
  /** The bytes of the name as they stand in the torrent; empty when there are none. */
  readonly nameBytes: Uint8Array
  /** True when the files live in a folder called {@link name}. */
  readonly multiFile: boolean
  /** Bytes per piece. */
  readonly pieceLength: number
  readonly pieceCount: number
  /** Bytes of the real files, without pads. `layout.size` counts the pads too. */
  readonly size: number
  /** In torrent order, pads included. */
  readonly files: readonly MetainfoFile[]
  /** Pieces, blocks and file slices; its file indices are those of {@link files}. */
  readonly layout: Layout
  /** 20 bytes of SHA-1 per piece, in order (v1 and hybrid); empty in v2. */
  readonly pieces: Uint8Array
  /**
   * Hashes of the pieces of each file longer than one, 32 bytes each, under the file's root in hex (v2 and
   * hybrid). Files with equal contents share an entry; lenient parsing leaves out those that are missing.
   */
  readonly pieceLayers: ReadonlyMap<string, Uint8Array>
  /** True when `private` is the integer 1 (BEP 27). */
  readonly private: boolean
  readonly source?: string | undefined
  readonly comment?: string | undefined
  readonly createdBy?: string | undefined
  /** Seconds since 1970. */
  readonly creationDate?: number | undefined
  readonly encoding?: string | undefined
  /** The root's `announce`, when it is a usable URL. {@link Metainfo.trackers} are those to ask. */
  readonly announce?: string | undefined
  /** Tiers of tracker URLs: `announce-list`, or else `announce` (BEP 12). In file order; shuffling is the announcer's. */
  readonly trackers: readonly (readonly string[])[]
  /** BEP 19. */
  readonly webSeeds: readonly string[]
  /** BEP 17. */
  readonly httpSeeds: readonly string[]
  /** DHT nodes of a trackerless torrent (BEP 5); hosts are names or addresses. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[]
  /** Infohashes of torrents that may share files, 20 or 32 bytes each (BEP 38). */
  readonly similar: readonly Uint8Array[]
  readonly collections: readonly string[]
  /** BEP 39. */
  readonly updateUrl?: string | undefined
  /** The raw bytes of `info`: what the infohash is made of and what BEP 9 sends. */
  readonly infoBytes: Uint8Array
  /** The torrent file: all that was given but what stood before and behind the dictionary. */
  readonly bytes: Uint8Array
}

/** The 20 bytes that trackers, DHT and handshakes know a torrent by: its v1 infohash, or else the first of its v2 one. */
export function swarmHash(metainfo: {
  readonly infoHash?: Uint8Array | undefined
  readonly infoHashV2?: Uint8Array | undefined
}): Uint8Array {
  const hash = metainfo.infoHash ?? metainfo.infoHashV2
  if (hash === undefined) throw new RangeError('infoHash or infoHashV2 must be given, got neither')
  return hash.subarray(0, 20)
}

/** Caps on what {@link parseMetainfo} accepts. Each has a default. */
export interface MetainfoLimits {
  /** Bytes of the whole file. Default 64 MiB: 2^21 pieces take 40 MiB. */
  readonly maxLength?: number
  /** Nesting of lists and dictionaries. Default 100, as libtorrent. */
  readonly maxDepth?: number
  /** Bencode values. Default 3,000,000, as libtorrent: eleven for each of the most files. */
  readonly maxTokens?: number
  /** Pieces. Default 2^21, as libtorrent. */
  readonly maxPieces?: number
  /** Entries of the file list. Default 2^18. */
  readonly maxFiles?: number
  /** Bytes per piece. Default 512 MiB, as libtorrent. */
  readonly maxPieceLength?: number
}

/**
 * What is asked of the piece layers of a v2 or hybrid torrent (BEP 52). `'strict'`: all are there, and fold to
 * the roots of their files. `'lenient'`: those that are there fold; the others come from peers, as for a
 * magnet link. `'trusted'`: all are there, of the right length; for files that were parsed strictly before.
 */
export type PieceLayersMode = 'strict' | 'lenient' | 'trusted'

/** How {@link parseMetainfo} reads. */
export interface ParseOptions extends MetainfoLimits {
  /** Default `'strict'`, by the BEP. */
  readonly pieceLayers?: PieceLayersMode
}
