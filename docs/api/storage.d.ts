export type BencodeCode = 'bencode/duplicate-key' | 'bencode/integer-too-long' | 'bencode/invalid-integer' | 'bencode/invalid-length' | 'bencode/key-not-string' | 'bencode/missing-value' | 'bencode/string-past-end' | 'bencode/too-deep' | 'bencode/too-long' | 'bencode/too-many-tokens' | 'bencode/trailing-bytes' | 'bencode/unexpected-end' | 'bencode/unknown-type' | 'bencode/unsorted-key';

export class Bitfield {
  readonly length: number;
  constructor(length: number, bytes?: Uint8Array);
  static parse(bytes: Uint8Array, length: number): Bitfield | undefined;
  static full(length: number): Bitfield;
  get count(): number;
  get isFull(): boolean;
  get isEmpty(): boolean;
  get bytes(): Uint8Array;
  has(index: number): boolean;
  add(index: number): boolean;
  delete(index: number): boolean;
  next(from: number, end?: number): number;
  nextMissing(from: number): number;
  clone(): Bitfield;
  [Symbol.iterator](): Generator<number, void, undefined>;
}

export interface Block extends Range {
}

export interface CheckOptions {
  readonly signal?: AbortSignal;
  onProgress?(piece: number, valid: boolean): void;
  readonly pieces?: Bitfield;
  readonly concurrency?: number;
}

export type CommandCode = 'cli/bad-key' | 'cli/incomplete' | 'cli/interrupted' | 'cli/no-peers' | 'cli/no-tracker' | 'cli/not-found' | 'cli/usage';

export interface ConformanceCase {
  readonly name: string;
  run(make: MakeBackend): Promise<void>;
}

export interface CreateProgress {
  readonly hashed: number;
  readonly size: number;
}

export interface CreateTorrentOptions extends TorrentFields {
  readonly name?: string;
  readonly include?: PathFilter;
  readonly exclude?: PathFilter;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: CreateProgress) => void;
}

export type DhtCode = 'dht/bad-reply' | 'dht/closed' | 'dht/malformed' | 'dht/no-answer' | 'dht/no-transaction' | 'dht/not-stored' | 'dht/unknown-kind' | 'dht/unreachable';

export type DnsCode = 'dns/busy';

export type ErrorCode = OptionsCode | BencodeCode | MetainfoCode | MagnetCode | TrackerCode | WireCode | PexCode | DhtCode | UtpCode | MseCode | MetadataCode | HttpCode | DnsCode | NetCode | StorageCode | TorrentCode | SessionCode | CommandCode | ProbeCode | SystemCode | InternalCode;

export interface FileSlice {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

export interface FileStatus {
  readonly length: number;
  readonly modified?: number;
}

export class FileStorage implements StorageBackend {
  constructor(root: string, options?: FileStorageOptions);
  get maxHandles(): number;
  set maxHandles(count: number);
  open(files: readonly StorageFile[]): Promise<void>;
  read(file: number, offset: number, into: Uint8Array): Promise<number>;
  write(file: number, offset: number, chunks: readonly Uint8Array[]): Promise<void>;
  status(file: number): Promise<FileStatus>;
  create(file: number): Promise<void>;
  remove(file: number): Promise<void>;
  location(file: number): string | undefined;
  flush(): Promise<void>;
  destroy(): Promise<void>;
  close(): Promise<void>;
}

export interface FileStorageOptions {
  readonly maxHandles?: number;
}

export type HttpCode = 'http/bad-encoding' | 'http/bad-response' | 'http/bad-url' | 'http/client-gone' | 'http/headers-too-large' | 'http/insecure-redirect' | 'http/local-redirect' | 'http/too-large' | 'http/too-many-redirects';

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

export type MagnetCode = 'magnet/bad-infohash' | 'magnet/conflict' | 'magnet/no-infohash' | 'magnet/not-a-magnet' | 'magnet/too-long' | 'magnet/unsupported-hash';

export type MakeBackend = (which: 'fresh' | 'again') => StorageBackend | Promise<StorageBackend>;

export class MemoryStorage implements StorageBackend {
  open(files: readonly StorageFile[]): Promise<void>;
  read(file: number, offset: number, into: Uint8Array): Promise<number>;
  write(file: number, offset: number, chunks: readonly Uint8Array[]): Promise<void>;
  status(file: number): Promise<FileStatus>;
  create(file: number): Promise<void>;
  remove(file: number): Promise<void>;
  flush(): Promise<void>;
  destroy(): Promise<void>;
  close(): Promise<void>;
  file(path: string): Uint8Array | undefined;
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

export type MseCode = 'mse/bad-select' | 'mse/bad-verification' | 'mse/cut' | 'mse/degenerate-key' | 'mse/no-common-method' | 'mse/no-sync' | 'mse/other-infohash' | 'mse/pad-too-long' | 'mse/payload-too-long' | 'mse/required' | 'mse/timeout' | 'mse/unknown-skey';

export type NetCode = 'net/aborted' | 'net/broken' | 'net/ended' | 'net/no-transport' | 'net/not-found' | 'net/overtaken';

export type OptionsCode = 'options/conflict' | 'options/out-of-range' | 'options/unknown-option' | 'options/wrong-type';

export type PathFilter = string | RegExp | ((path: string) => boolean) | readonly PathFilter[];

export type PexCode = 'pex/bad-length' | 'pex/flood' | 'pex/not-a-dictionary' | 'pex/too-frequent' | 'pex/too-long';

export interface PieceHash {
  update(bytes: Uint8Array): void;
  matches(): boolean;
  leaves?(): Uint8Array;
}

export type ProbeCode = 'probe/done';

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

export class Reader {
  next: number;
  window: number;
  used: number;
  crosses: boolean;
  fetchAt: number;
  fetchFrom: number;
}

export type SessionCode = 'session/closed' | 'session/duplicate' | 'session/fixed-setting' | 'session/http-status' | 'session/ignored-option' | 'session/listen-failed' | 'session/needs-dht' | 'session/not-found' | 'session/private' | 'session/udp-failed';

export interface StorageBackend {
  open(files: readonly StorageFile[]): Promise<void>;
  read(file: number, offset: number, into: Uint8Array): Promise<number>;
  write(file: number, offset: number, chunks: readonly Uint8Array[]): Promise<void>;
  status(file: number): Promise<FileStatus>;
  create(file: number): Promise<void>;
  remove(file: number): Promise<void>;
  flush(): Promise<void>;
  destroy(): Promise<void>;
  location?(file: number): string | undefined;
  close(): Promise<void>;
}

export type StorageCode = 'storage/changed' | 'storage/contradiction' | 'storage/disk-full' | 'storage/io' | 'storage/missing' | 'storage/permission' | 'storage/too-large' | 'storage/unsafe-path';

export class StorageError extends RarestError {
  readonly code: StorageErrorCode;
  readonly path: string;
  constructor(code: StorageErrorCode, path: string, message: string, options?: {
    cause?: unknown;
  });
}

export type StorageErrorCode = 'storage/disk-full' | 'storage/permission' | 'storage/missing' | 'storage/changed' | 'storage/contradiction' | 'storage/io';

export interface StorageFile {
  readonly path: readonly string[];
  readonly originalPath?: readonly string[] | undefined;
  readonly length: number;
}

export class Store {
  readonly verified: Bitfield;
  constructor(options: StoreOptions);
  locationOf(file: number): string | undefined;
  open(): Promise<void>;
  get budget(): number;
  set budget(bytes: number);
  get readBudget(): number;
  set readBudget(bytes: number);
  get maxOpenPieces(): number;
  get congested(): boolean;
  get error(): StorageError | undefined;
  get suspects(): Bitfield | undefined;
  get cachedPieces(): ReadonlySet<number>;
  get memory(): {
    readonly pieces: number;
    readonly reads: number;
  };
  trust(pieces: Bitfield): void;
  place(piece: number, begin: number, length: number): Uint8Array | undefined;
  isScratch(data: Uint8Array): boolean;
  received(piece: number, begin: number, data: Uint8Array): void;
  release(piece: number, begin: number, data: Uint8Array): void;
  abandon(piece: number): void;
  hashesKnown(): void;
  leaves(piece: number): Promise<Uint8Array>;
  reopen(piece: number, leaves: Uint8Array): number[];
  discard(piece: number): void;
  reader(): Reader;
  read(piece: number, begin: number, length: number, reader: Reader): Uint8Array[] | undefined;
  sent(parts: readonly Uint8Array[]): void;
  takeDigests(piece: number): readonly (Uint8Array | undefined)[] | undefined;
  forget(reader: Reader): void;
  load(piece: number, begin: number, length: number, reader: Reader, done: (error?: StorageError) => void): void;
  setWanted(files: readonly boolean[]): Promise<void>;
  check(options?: CheckOptions): Promise<Bitfield>;
  recheck(options?: Pick<CheckOptions, 'signal' | 'onProgress'>): Promise<{
    readonly lost: number;
    readonly found: number;
  }>;
  createEmptyFiles(): Promise<void>;
  flush(): Promise<void>;
  retry(): void;
  close(): Promise<void>;
  destroy(): Promise<void>;
}

export interface StoreEvents {
  verified(piece: number): void;
  lost?(piece: number): void;
  found?(piece: number): void;
  failed(piece: number): void;
  doubtful?(piece: number): void;
  error(error: StorageError): void;
  drained(): void;
}

export interface StoreFile {
  readonly path: readonly string[];
  readonly originalPath?: readonly string[] | undefined;
  readonly length: number;
  readonly pad: boolean;
  readonly symlink?: boolean;
}

export interface StoreOptions {
  readonly layout: Layout;
  readonly files: readonly StoreFile[];
  readonly backend: StorageBackend;
  readonly pieces: Uint8Array;
  readonly verifier?: Verifier;
  defer(call: () => void): void;
  readonly budget?: number;
  readonly readBudget?: number;
  readonly on: StoreEvents;
}

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

export interface Verifier {
  start(piece: number): PieceHash;
  verify(piece: number, bytes: Uint8Array): boolean;
  knows?(piece: number): boolean;
  forget?(piece: number): void;
  readonly hasVerified?: boolean;
  takeVerified?(): number[];
  readonly contradiction?: number | undefined;
}

export type WireCode = 'wire/bad-allowed-fast' | 'wire/bad-bitfield' | 'wire/bad-cancel' | 'wire/bad-hashes' | 'wire/bad-have' | 'wire/bad-length' | 'wire/bad-piece' | 'wire/bad-request' | 'wire/bad-suggest' | 'wire/fast-not-negotiated' | 'wire/handshake-aborted' | 'wire/handshake-cut' | 'wire/handshake-timeout' | 'wire/hash-not-negotiated' | 'wire/hash-request-flood' | 'wire/idle' | 'wire/message-too-long' | 'wire/not-bittorrent' | 'wire/pieces-flood' | 'wire/request-flood' | 'wire/request-too-long' | 'wire/send-queue-full' | 'wire/trailing-bytes' | 'wire/truncated' | 'wire/unknown-infohash' | 'wire/unrequested-hash-reject' | 'wire/unrequested-hashes' | 'wire/unrequested-piece' | 'wire/unrequested-reject' | 'wire/wrong-infohash';

export function createTorrent(path: string | readonly string[], options?: CreateTorrentOptions): Promise<Uint8Array>;

export const storageConformance: readonly ConformanceCase[];
