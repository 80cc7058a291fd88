export interface AbortState {
  readonly aborted: boolean;
  readonly reason: unknown;
}

export const BLOCK_LENGTH = 16384;

export type BencodeCode = 'bencode/duplicate-key' | 'bencode/integer-too-long' | 'bencode/invalid-integer' | 'bencode/invalid-length' | 'bencode/key-not-string' | 'bencode/missing-value' | 'bencode/string-past-end' | 'bencode/too-deep' | 'bencode/too-long' | 'bencode/too-many-tokens' | 'bencode/trailing-bytes' | 'bencode/unexpected-end' | 'bencode/unknown-type' | 'bencode/unsorted-key';

export interface Block extends Range {
}

export const CREATED_BY = "rarest/0.1.0";

export type CommandCode = 'cli/bad-key' | 'cli/incomplete' | 'cli/interrupted' | 'cli/no-peers' | 'cli/no-tracker' | 'cli/not-found' | 'cli/usage';

export interface CreateFile {
  readonly path: readonly (string | Uint8Array)[];
  readonly length: number;
}

export interface CreateInput extends TorrentFields {
  readonly name: string | Uint8Array;
  readonly files: readonly CreateFile[];
  readonly multiFile?: boolean | undefined;
  readonly read: (file: number, offset: number, into: Uint8Array) => Promise<number>;
  readonly hash?: ((plan: HashPlan) => Promise<FileHashes>) | undefined;
  readonly signal?: AbortState | undefined;
  readonly onProgress?: ((progress: CreateProgress) => void) | undefined;
}

export interface CreateProgress {
  readonly hashed: number;
  readonly size: number;
}

export type DhtCode = 'dht/bad-reply' | 'dht/closed' | 'dht/malformed' | 'dht/no-answer' | 'dht/no-transaction' | 'dht/not-stored' | 'dht/unknown-kind' | 'dht/unreachable';

export type DnsCode = 'dns/busy';

export type ErrorCode = OptionsCode | BencodeCode | MetainfoCode | MagnetCode | TrackerCode | WireCode | PexCode | DhtCode | UtpCode | MseCode | MetadataCode | HttpCode | DnsCode | NetCode | StorageCode | TorrentCode | SessionCode | CommandCode | ProbeCode | SystemCode | InternalCode;

export class FileHasher {
  constructor(length: number, pieceLength: number);
  update(bytes: Uint8Array): void;
  finish(): {
    readonly root: Uint8Array;
    readonly layer: Uint8Array;
  };
}

export interface FileHashes {
  readonly pieces: Uint8Array;
  readonly trees: ReadonlyMap<number, {
    readonly root: Uint8Array;
    readonly layer: Uint8Array;
  }>;
}

export interface FilePath {
  readonly path: readonly string[];
  readonly originalPath: readonly string[] | undefined;
}

export interface FileSlice {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

export interface HashPlan {
  readonly version: Metainfo['version'];
  readonly pieceLength: number;
  readonly files: readonly PlannedFile[];
  readonly size: number;
}

export type HttpCode = 'http/bad-encoding' | 'http/bad-response' | 'http/bad-url' | 'http/client-gone' | 'http/headers-too-large' | 'http/insecure-redirect' | 'http/local-redirect' | 'http/too-large' | 'http/too-many-redirects';

export interface InfoContext {
  readonly trackers?: readonly (readonly string[])[];
  readonly webSeeds?: readonly string[];
}

export type InfoHash = string | Uint8Array | ArrayBuffer;

export type InternalCode = 'internal';

export class Layout {
  readonly pieceLength: number;
  readonly pieceCount: number;
  readonly size: number;
  readonly files: readonly LayoutFile[];
  readonly offsets: Float64Array;
  readonly blocksPerPiece: number;
  readonly aligned: boolean;
  constructor(files: readonly LayoutFile[], pieceLength: number, options?: LayoutOptions);
  pieceSize(piece: number): number;
  pieceSpan(piece: number): number;
  blockCount(piece: number): number;
  blockAt(piece: number, index: number): Block;
  isBlock(piece: number, begin: number, length: number): boolean;
  isRange(piece: number, begin: number, length: number): boolean;
  slices(piece: number, begin: number, length: number): FileSlice[];
  fileAt(position: number): number;
  piecesOf(file: number): {
    readonly first: number;
    readonly last: number;
  } | undefined;
}

export interface LayoutFile {
  readonly length: number;
  readonly pad: boolean;
}

export interface LayoutOptions {
  readonly aligned?: boolean;
}

export const METAINFO_LIMITS: Required<MetainfoLimits>;

export interface Magnet {
  readonly infoHash?: Uint8Array | undefined;
  readonly infoHashV2?: Uint8Array | undefined;
  readonly name?: string | undefined;
  readonly trackers: readonly string[];
  readonly webSeeds: readonly string[];
  readonly exactSource: readonly string[];
  readonly peers: readonly {
    readonly host: string;
    readonly port: number;
  }[];
  readonly select: readonly number[];
  readonly length?: number | undefined;
  readonly keywords: readonly string[];
  readonly publicKey?: Uint8Array | undefined;
  readonly salt?: Uint8Array | undefined;
}

export type MagnetCode = 'magnet/bad-infohash' | 'magnet/conflict' | 'magnet/no-infohash' | 'magnet/not-a-magnet' | 'magnet/too-long' | 'magnet/unsupported-hash';

export interface MagnetFields extends Partial<Omit<Magnet, 'infoHash' | 'infoHashV2'>> {
  readonly infoHash?: InfoHash | undefined;
  readonly infoHashV2?: InfoHash | undefined;
}

export type MetadataCode = 'metadata/bad-block' | 'metadata/bad-total-size' | 'metadata/flood' | 'metadata/request-flood' | 'metadata/wrong-hash';

export interface Metainfo {
  readonly version: '1' | '2' | 'hybrid';
  readonly infoHash?: Uint8Array | undefined;
  readonly infoHashV2?: Uint8Array | undefined;
  readonly name: string;
  readonly originalName?: string | undefined;
  readonly nameBytes: Uint8Array;
  readonly multiFile: boolean;
  readonly pieceLength: number;
  readonly pieceCount: number;
  readonly size: number;
  readonly files: readonly MetainfoFile[];
  readonly layout: Layout;
  readonly pieces: Uint8Array;
  readonly pieceLayers: ReadonlyMap<string, Uint8Array>;
  readonly private: boolean;
  readonly source?: string | undefined;
  readonly comment?: string | undefined;
  readonly createdBy?: string | undefined;
  readonly creationDate?: number | undefined;
  readonly encoding?: string | undefined;
  readonly announce?: string | undefined;
  readonly trackers: readonly (readonly string[])[];
  readonly webSeeds: readonly string[];
  readonly httpSeeds: readonly string[];
  readonly nodes: readonly {
    readonly host: string;
    readonly port: number;
  }[];
  readonly similar: readonly Uint8Array[];
  readonly collections: readonly string[];
  readonly updateUrl?: string | undefined;
  readonly infoBytes: Uint8Array;
  readonly bytes: Uint8Array;
}

export type MetainfoCode = 'metainfo/absolute-path' | 'metainfo/bad-file-tree' | 'metainfo/bad-files' | 'metainfo/bad-hash-count' | 'metainfo/bad-hash-proof' | 'metainfo/bad-hash-range' | 'metainfo/bad-length' | 'metainfo/bad-name' | 'metainfo/bad-path' | 'metainfo/bad-piece-layer-length' | 'metainfo/bad-piece-layers' | 'metainfo/bad-piece-length' | 'metainfo/bad-pieces' | 'metainfo/bad-root' | 'metainfo/bad-symlink' | 'metainfo/bad-version' | 'metainfo/empty-path' | 'metainfo/file-changed' | 'metainfo/file-with-siblings' | 'metainfo/hybrid-mismatch' | 'metainfo/length-and-files' | 'metainfo/missing-info' | 'metainfo/missing-length' | 'metainfo/missing-piece-layer' | 'metainfo/missing-root' | 'metainfo/no-files' | 'metainfo/not-a-dictionary' | 'metainfo/pad-in-file-tree' | 'metainfo/pad-too-long' | 'metainfo/path-clash' | 'metainfo/path-too-deep' | 'metainfo/path-too-long' | 'metainfo/path-traversal' | 'metainfo/piece-layer-mismatch' | 'metainfo/size-overflow' | 'metainfo/too-many-files' | 'metainfo/too-many-pieces' | 'metainfo/unknown-piece-layer' | 'metainfo/unproven-hashes' | 'metainfo/version-too-new' | 'metainfo/wrong-piece-count' | 'metainfo/wrong-piece-layer';

export interface MetainfoFile {
  readonly path: readonly string[];
  readonly originalPath?: readonly string[] | undefined;
  readonly rawPath: readonly Uint8Array[];
  readonly length: number;
  readonly offset: number;
  readonly pad: boolean;
  readonly executable: boolean;
  readonly hidden: boolean;
  readonly symlink?: readonly string[] | undefined;
  readonly sha1?: Uint8Array | undefined;
  readonly md5sum?: string | undefined;
  readonly piecesRoot?: Uint8Array | undefined;
}

export interface MetainfoLimits {
  readonly maxLength?: number;
  readonly maxDepth?: number;
  readonly maxTokens?: number;
  readonly maxPieces?: number;
  readonly maxFiles?: number;
  readonly maxPieceLength?: number;
}

export type MseCode = 'mse/bad-select' | 'mse/bad-verification' | 'mse/cut' | 'mse/degenerate-key' | 'mse/no-common-method' | 'mse/no-sync' | 'mse/other-infohash' | 'mse/pad-too-long' | 'mse/payload-too-long' | 'mse/required' | 'mse/timeout' | 'mse/unknown-skey';

export type NetCode = 'net/aborted' | 'net/broken' | 'net/ended' | 'net/no-transport' | 'net/not-found' | 'net/overtaken';

export type OptionsCode = 'options/conflict' | 'options/out-of-range' | 'options/unknown-option' | 'options/wrong-type';

export interface ParseOptions extends MetainfoLimits {
  readonly pieceLayers?: PieceLayersMode;
}

export type PexCode = 'pex/bad-length' | 'pex/flood' | 'pex/not-a-dictionary' | 'pex/too-frequent' | 'pex/too-long';

export type PieceLayersMode = 'strict' | 'lenient' | 'trusted';

export interface PlannedFile {
  readonly path: readonly Uint8Array[];
  readonly length: number;
  readonly index: number;
  readonly pad: boolean;
}

export type ProbeCode = 'probe/done';

export class ProtocolError extends RarestError {
  readonly fault: 'remote' | 'local';
  readonly offset: number | undefined;
  constructor(code: ErrorCode, message: string, options?: {
    fault?: 'remote' | 'local';
    offset?: number;
  });
}

export interface Range {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}

export class RarestError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, options?: {
    cause?: unknown;
  });
}

export type Result<T> = {
  readonly ok: true;
  readonly value: T;
} | {
  readonly ok: false;
  readonly error: ProtocolError;
};

export type SessionCode = 'session/closed' | 'session/duplicate' | 'session/fixed-setting' | 'session/http-status' | 'session/ignored-option' | 'session/listen-failed' | 'session/needs-dht' | 'session/not-found' | 'session/private' | 'session/udp-failed';

export type StorageCode = 'storage/changed' | 'storage/contradiction' | 'storage/disk-full' | 'storage/io' | 'storage/missing' | 'storage/permission' | 'storage/too-large' | 'storage/unsafe-path';

export type SystemCode = Uppercase<string>;

export type TorrentCode = 'torrent/banned' | 'torrent/both-seeds' | 'torrent/checked' | 'torrent/choke-flood' | 'torrent/closed' | 'torrent/corrupt-data' | 'torrent/duplicate' | 'torrent/limit' | 'torrent/lost-piece' | 'torrent/no-interest' | 'torrent/no-metadata' | 'torrent/paused' | 'torrent/private' | 'torrent/removed' | 'torrent/replaced' | 'torrent/storage-error' | 'torrent/tracker-changed';

export interface TorrentFields {
  readonly announce?: string | undefined;
  readonly trackers?: TrackerTiers | undefined;
  readonly version?: Metainfo['version'] | undefined;
  readonly pieceLength?: number | undefined;
  readonly private?: boolean | undefined;
  readonly comment?: string | undefined;
  readonly source?: string | undefined;
  readonly webSeeds?: readonly string[] | undefined;
  readonly createdBy?: string | undefined;
  readonly creationDate?: number | undefined;
}

export type TrackerCode = 'tracker/bad-redirect' | 'tracker/closed' | 'tracker/failure' | 'tracker/http-status' | 'tracker/invalid-url' | 'tracker/malformed' | 'tracker/refused-address' | 'tracker/scrape-unsupported' | 'tracker/short-datagram' | 'tracker/timeout' | 'tracker/too-large' | 'tracker/too-many-requests' | 'tracker/unknown-action' | 'tracker/unreachable' | 'tracker/unsupported-scheme' | 'tracker/warning' | 'tracker/wrong-protocol';

export type TrackerTiers = readonly (string | readonly string[])[];

export type UtpCode = 'utp/bad-extension' | 'utp/bad-type' | 'utp/bad-version' | 'utp/closed' | 'utp/connect-timeout' | 'utp/destroyed' | 'utp/ended' | 'utp/no-socket' | 'utp/refused' | 'utp/reset' | 'utp/timeout' | 'utp/too-many-connections' | 'utp/too-short';

export type WireCode = 'wire/bad-allowed-fast' | 'wire/bad-bitfield' | 'wire/bad-cancel' | 'wire/bad-hashes' | 'wire/bad-have' | 'wire/bad-length' | 'wire/bad-piece' | 'wire/bad-request' | 'wire/bad-suggest' | 'wire/fast-not-negotiated' | 'wire/handshake-aborted' | 'wire/handshake-cut' | 'wire/handshake-timeout' | 'wire/hash-not-negotiated' | 'wire/hash-request-flood' | 'wire/idle' | 'wire/message-too-long' | 'wire/not-bittorrent' | 'wire/pieces-flood' | 'wire/request-flood' | 'wire/request-too-long' | 'wire/send-queue-full' | 'wire/trailing-bytes' | 'wire/truncated' | 'wire/unknown-infohash' | 'wire/unrequested-hash-reject' | 'wire/unrequested-hashes' | 'wire/unrequested-piece' | 'wire/unrequested-reject' | 'wire/wrong-infohash';

export function automaticPieceLength(size: number): number;

export function createMetainfo(input: CreateInput): Promise<Uint8Array>;

export function filePathOf(metainfo: Metainfo, file: MetainfoFile): FilePath;

export function formatMagnet(magnet: MagnetFields): string;

export function isMagnet(text: string): boolean;

export function magnetOf(metainfo: Metainfo): string;

export function merkleRoot(nodes: Uint8Array, layer: number, width?: number): Uint8Array;

export function padHash(layer: number): Uint8Array;

export function parseInfo(info: Uint8Array, context?: InfoContext, limits?: MetainfoLimits): Metainfo;

export function parseMagnet(uri: string): Magnet;

export function parseMetainfo(input: Uint8Array, options?: ParseOptions): Metainfo;

export function pieceHash(metainfo: Metainfo, piece: number): Uint8Array;

export function swarmHash(metainfo: {
  readonly infoHash?: Uint8Array | undefined;
  readonly infoHashV2?: Uint8Array | undefined;
}): Uint8Array;

export function tryParseMagnet(uri: string): Result<Magnet>;

export function tryParseMetainfo(bytes: Uint8Array, options?: ParseOptions): Result<Metainfo>;

export function withPieceLayers(metainfo: Metainfo, layers: ReadonlyMap<string, Uint8Array>): Uint8Array;

export function withTrackers(metainfo: Metainfo, tiers: TrackerTiers): Uint8Array;
