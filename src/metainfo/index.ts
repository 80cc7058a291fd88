/**
 * Torrent files (BEP 3, 9, 12, 19, 27, 38, 47, 52, 53): parse, check, create; magnet links. Runs in Node and in browsers.
 * @module
 */

export {
  automaticPieceLength,
  CREATED_BY,
  type CreateFile,
  type CreateInput,
  createMetainfo,
  type TorrentFields,
  type TrackerTiers,
} from './create.js'
export { withPieceLayers, withTrackers } from './edit.js'
export { type FilePath, filePathOf } from './file-path.js'
export type { AbortState, CreateProgress, FileHashes, HashPlan, PlannedFile } from './hash-files.js'
export type { InfoHash } from './infohash.js'
export {
  BLOCK_LENGTH,
  type Block,
  type FileSlice,
  Layout,
  type LayoutFile,
  type LayoutOptions,
  type Range,
} from './layout.js'
export {
  formatMagnet,
  isMagnet,
  type Magnet,
  type MagnetFields,
  magnetOf,
  parseMagnet,
  tryParseMagnet,
} from './magnet.js'
export { FileHasher, merkleRoot, padHash } from './merkle.js'
export {
  type Metainfo,
  type MetainfoFile,
  type MetainfoLimits,
  type ParseOptions,
  type PieceLayersMode,
  swarmHash,
} from './model.js'
export { METAINFO_LIMITS, parseMetainfo, pieceHash, tryParseMetainfo } from './parse.js'
export { type InfoContext, parseInfo } from './parse-info.js'
