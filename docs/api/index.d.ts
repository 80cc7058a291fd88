export interface AddOptions extends TorrentOptions {
  readonly path?: string;
  readonly updates?: UpdateOptions | false;
  readonly signal?: AbortSignal;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

export type AnnounceEvent = 'started' | 'completed' | 'stopped';

export interface Ban {
  readonly address: string;
  readonly reason: string;
  readonly remaining: number;
}

export interface BanOptions {
  readonly duration?: number;
  readonly reason?: string;
}

export type BencodeCode = 'bencode/duplicate-key' | 'bencode/integer-too-long' | 'bencode/invalid-integer' | 'bencode/invalid-length' | 'bencode/key-not-string' | 'bencode/missing-value' | 'bencode/string-past-end' | 'bencode/too-deep' | 'bencode/too-long' | 'bencode/too-many-tokens' | 'bencode/trailing-bytes' | 'bencode/unexpected-end' | 'bencode/unknown-type' | 'bencode/unsorted-key';

export type BencodeDict = ReadonlyMap<string, BencodeValue>;

export type BencodeValue = number | bigint | Uint8Array | readonly BencodeValue[] | BencodeDict;

export interface BindOptions {
  readonly host?: string;
  readonly port: number;
  readonly family?: 4 | 6;
  readonly reuse?: boolean;
  readonly multicast?: MulticastOptions;
}

export interface Block extends Range {
}

export type ByteSource = AsyncIterable<Uint8Array>;

export interface ByteStream {
  readonly transport: Transport;
  readonly remote: Address;
  readonly local: Address;
  listen(listener: StreamListener): void;
  write(chunks: readonly Uint8Array[], sent?: () => void): boolean;
  readonly queued: number;
  pause(): void;
  resume(): void;
  end(): void;
  destroy(): void;
}

export interface ClientOptions {
  readonly name?: string;
  readonly seedChoking?: SeedChoking;
}

export type CommandCode = 'cli/bad-key' | 'cli/incomplete' | 'cli/interrupted' | 'cli/no-peers' | 'cli/no-tracker' | 'cli/not-found' | 'cli/usage';

export interface ConnectOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal;
  readonly localAddress?: string;
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

export type CryptoMethod = 'rc4' | 'plaintext';

export const DEFAULT_SETTINGS: Settings;

export interface DatagramSocket {
  readonly address: Address;
  readonly receiveBuffer?: number;
  send(bytes: Uint8Array, to: Address): void;
  join(group: string, by?: string): Promise<void>;
  leave(group: string, by?: string): Promise<void>;
  close(): Promise<void>;
}

export interface Dht {
  readonly ready: Promise<void>;
  readonly stats: readonly DhtNodeStats[];
  readonly kept: readonly StoredItem[];
  state(): Uint8Array;
  getPeers(infoHash: InfoHash, options?: DhtPeersOptions): DhtLookup<Address>;
  announce(infoHash: InfoHash, options: DhtAnnounceOptions): DhtLookup<Address>;
  scrape(infoHash: InfoHash, options?: DhtCallOptions): Promise<DhtScrape>;
  sample(target: DhtKey, options?: DhtCallOptions): DhtLookup<DhtSample>;
  crawl(options?: DhtCallOptions): AsyncGenerator<string, void, undefined>;
  ping(node: string, options?: DhtCallOptions): Promise<DhtPong>;
  addNode(node: string): void;
  get(target: DhtKey, options?: DhtCallOptions): Promise<FoundItem | undefined>;
  getMutable(publicKey: Uint8Array, options?: SaltOptions): Promise<FoundMutableItem | undefined>;
  put(value: Encodable, options?: DhtPutOptions): Promise<StoredItem>;
  putMutable(value: Encodable, options: PutMutableOptions): Promise<StoredItem>;
  putItem(item: Item, options?: DhtPutOptions): Promise<StoredItem>;
  release(target: DhtKey): boolean;
  updates(publicKey: Uint8Array, options?: DhtUpdatesOptions): AsyncGenerator<FoundMutableItem, never, undefined>;
}

export interface DhtAnnounceOptions extends DhtCallOptions {
  readonly port: number;
  readonly impliedPort?: boolean;
  readonly seed?: boolean;
}

export interface DhtCallOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (stats: LookupStats) => void;
}

export type DhtCode = 'dht/bad-reply' | 'dht/closed' | 'dht/malformed' | 'dht/no-answer' | 'dht/no-transaction' | 'dht/not-stored' | 'dht/unknown-kind' | 'dht/unreachable';

export type DhtKey = string | Uint8Array | ArrayBuffer;

export interface DhtLookup<T> extends AsyncIterable<T> {
  readonly done: Promise<LookupStats>;
  readonly found: number;
}

export interface DhtNodeStats extends DhtStats {
  readonly family: 4 | 6;
  readonly id: string;
  readonly externalAddress: string | undefined;
}

export interface DhtOptions {
  readonly bootstrap?: readonly string[];
  readonly readOnly?: boolean;
  readonly state?: Uint8Array;
  readonly externalIp?: string;
  readonly rateLimits?: Partial<RateLimits> | false;
  readonly maxInfoHashes?: number;
  readonly maxPeersPerInfoHash?: number;
  readonly maxItems?: number;
}

export interface DhtPeersOptions extends DhtCallOptions {
  readonly noSeeds?: boolean;
  readonly family?: 4 | 6;
}

export interface DhtPong {
  readonly id: string;
  readonly address: Address;
  readonly rtt: number;
}

export interface DhtPutOptions extends DhtCallOptions {
  readonly keep?: boolean;
}

export interface DhtSample {
  readonly from: Address;
  readonly infoHashes: readonly string[];
  readonly num: number;
  readonly interval: number;
}

export interface DhtScrape {
  readonly seeds: number;
  readonly peers: number;
}

export interface DhtStats {
  readonly goodNodes: number;
  readonly nodes: number;
  readonly lookups: number;
  readonly queriesIn: number;
  readonly queriesOut: number;
  readonly repliesIn: number;
  readonly repliesOut: number;
  readonly errorsIn: number;
  readonly timeouts: number;
  readonly dropped: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly infoHashes: number;
  readonly peers: number;
  readonly items: number;
}

export interface DhtUpdatesOptions extends SaltOptions {
  readonly interval?: number;
  readonly after?: bigint;
}

export interface DiscoveryOptions {
  readonly dht?: boolean | DhtOptions;
  readonly pex?: boolean;
}

export type DnsCode = 'dns/busy';

export type Encodable = number | bigint | string | Uint8Array | readonly Encodable[] | ReadonlyMap<string, Encodable | undefined> | {
  readonly [key: string]: Encodable | undefined;
};

export type Encryption = Required<EncryptionOptions>;

export interface EncryptionOptions {
  readonly incoming?: EncryptionPolicy;
  readonly outgoing?: EncryptionPolicy;
  readonly methods?: 'both' | CryptoMethod;
}

export type EncryptionPolicy = 'disabled' | 'enabled' | 'preferred' | 'required';

export type ErrorCode = OptionsCode | BencodeCode | MetainfoCode | MagnetCode | TrackerCode | WireCode | PexCode | DhtCode | UtpCode | MseCode | MetadataCode | HttpCode | DnsCode | NetCode | StorageCode | TorrentCode | SessionCode | CommandCode | ProbeCode | SystemCode | InternalCode;

export interface ExtensionHandshake {
  readonly extensions: ReadonlyMap<string, number>;
  readonly client?: string;
  readonly port?: number;
  readonly reqq?: number;
  readonly yourIp?: Uint8Array;
  readonly ipv4?: Uint8Array;
  readonly ipv6?: Uint8Array;
  readonly metadataSize?: number;
  readonly uploadOnly?: boolean;
  readonly prefersEncryption?: boolean;
}

export interface FileSlice {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

export interface FileStatus {
  readonly length: number;
  readonly modified?: number;
}

export interface FoundItem {
  readonly value: BencodeValue;
  readonly item: Item;
  readonly target: Uint8Array;
}

export interface FoundMutableItem extends FoundItem {
  readonly item: MutableItem;
}

export interface Gateway {
  readonly host: string;
  readonly interface: string;
}

export type HttpCode = 'http/bad-encoding' | 'http/bad-response' | 'http/bad-url' | 'http/client-gone' | 'http/headers-too-large' | 'http/insecure-redirect' | 'http/local-redirect' | 'http/too-large' | 'http/too-many-redirects';

export interface HttpHop {
  readonly url: string;
  readonly addresses: readonly string[];
  readonly redirects: number;
}

export interface HttpLimits {
  readonly bodyBytes: number;
  readonly headerBytes?: number;
  readonly firstByte?: number;
  readonly idle?: number;
  readonly total?: number;
  readonly redirects?: number;
}

export interface HttpRequest {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  readonly range?: {
    readonly start: number;
    readonly end?: number;
  };
  readonly limits: HttpLimits;
  readonly permit?: (hop: HttpHop) => void;
  readonly family?: 4 | 6;
  readonly localAddress?: string;
  readonly signal?: AbortSignal;
}

export type HttpResponder = (request: HttpServerRequest) => Promise<HttpServerResponse> | HttpServerResponse;

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly url: string;
  readonly body: ByteSource;
  cancel(): void;
}

export interface HttpServerLimits {
  readonly headerBytes?: number;
  readonly bodyBytes?: number;
  readonly connections?: number;
  readonly request?: number;
  readonly idle?: number;
}

export interface HttpServerOptions extends ListenOptions {
  readonly limits?: HttpServerLimits;
}

export interface HttpServerRequest {
  readonly method: string;
  readonly target: string;
  readonly path: string;
  readonly remote: Address;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: ByteSource;
  readonly signal: AbortSignal;
}

export interface HttpServerResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | ByteSource;
}

export interface ImmutableItem {
  readonly type: 'immutable';
  readonly value: Uint8Array;
}

export type InfoHash = string | Uint8Array | ArrayBuffer;

export interface InterfaceAddress {
  readonly host: string;
  readonly family: 4 | 6;
  readonly prefix: number;
}

export type InternalCode = 'internal';

export type Item = ImmutableItem | MutableItem;

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

export interface LimitOptions {
  readonly connections?: number;
  readonly peersPerTorrent?: number;
  readonly halfOpen?: number;
  readonly dialsPerSecond?: number;
  readonly uploadSlots?: number;
  readonly uploadSlotsPerTorrent?: number;
  readonly queuedRequestsPerPeer?: number;
  readonly outstandingRequestsPerPeer?: number;
  readonly pieceBytesPerTorrent?: number;
  readonly readBytesPerTorrent?: number;
  readonly openFilesPerTorrent?: number;
}

export interface ListenOptions {
  readonly host?: string;
  readonly port: number;
}

export interface LookupStats {
  readonly queries: number;
  readonly responded: number;
  readonly timedOut: number;
  readonly rounds: number;
  readonly stored: number;
  readonly duration: number;
}

export type MagnetCode = 'magnet/bad-infohash' | 'magnet/conflict' | 'magnet/no-infohash' | 'magnet/not-a-magnet' | 'magnet/too-long' | 'magnet/unsupported-hash';

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

export interface MulticastOptions {
  readonly interface?: string;
  readonly ttl?: number;
  readonly loopback?: boolean;
}

export interface MutableItem {
  readonly type: 'mutable';
  readonly value: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly salt: Uint8Array;
  readonly seq: bigint;
  readonly signature: Uint8Array;
}

export type NetCode = 'net/aborted' | 'net/broken' | 'net/ended' | 'net/no-transport' | 'net/not-found' | 'net/overtaken';

export interface NetworkInterface {
  readonly name: string;
  readonly isLoopback: boolean;
  readonly isUp: boolean;
  readonly addresses: readonly InterfaceAddress[];
}

export type OptionsCode = 'options/conflict' | 'options/out-of-range' | 'options/unknown-option' | 'options/wrong-type';

export interface ParseOptions extends MetainfoLimits {
  readonly pieceLayers?: PieceLayersMode;
}

export type PathFilter = string | RegExp | ((path: string) => boolean) | readonly PathFilter[];

export interface PeerProbe {
  readonly infoHash: string;
  readonly peerId: Uint8Array;
  readonly client: string | undefined;
  readonly reserved: Uint8Array;
  readonly supports: Support;
  readonly encryption: CryptoMethod | undefined;
  readonly extension: ExtensionHandshake | undefined;
}

export interface PeerSnapshot {
  readonly address: string;
  readonly source: PeerSource;
  readonly incoming: boolean;
  readonly transport: Transport;
  readonly encryption: CryptoMethod | undefined;
  readonly client: string;
  readonly progress: number;
  readonly downloadRate: number;
  readonly uploadRate: number;
  readonly downloaded: number;
  readonly uploaded: number;
  readonly amChoking: boolean;
  readonly amInterested: boolean;
  readonly peerChoking: boolean;
  readonly peerInterested: boolean;
  readonly outstanding: number;
  readonly snubbed: boolean;
}

export type PeerSource = 'tracker' | 'user' | 'incoming' | 'dht' | 'pex' | 'lsd' | 'magnet';

export type PexCode = 'pex/bad-length' | 'pex/flood' | 'pex/not-a-dictionary' | 'pex/too-frequent' | 'pex/too-long';

export type PieceLayersMode = 'strict' | 'lenient' | 'trusted';

export type ProbeCode = 'probe/done';

export interface ProbeOptions {
  readonly encryption?: EncryptionPolicy;
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  readonly world?: World;
}

export class ProtocolError extends RarestError {
  readonly fault: 'remote' | 'local';
  readonly offset: number | undefined;
  constructor(code: ErrorCode, message: string, options?: {
    fault?: 'remote' | 'local';
    offset?: number;
  });
}

export interface PutMutableOptions extends SaltOptions, DhtPutOptions {
  readonly secretKey: Uint8Array;
  readonly seq?: bigint;
  readonly cas?: bigint;
}

export interface Random {
  uint32(): number;
  bytes(length: number): Uint8Array;
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

export interface RateLimits {
  readonly queriesPerWindow: number;
  readonly queriesPerSecond: number;
  readonly bytesPerAddress: number;
  readonly bytesPerSecond: number;
}

export interface RecheckResult {
  readonly pieces: number;
  readonly valid: number;
  readonly missing: number;
  readonly complete: boolean;
  readonly lost: number;
  readonly found: number;
}

export interface SaltOptions extends DhtCallOptions {
  readonly salt?: Uint8Array;
}

export type SeedChoking = 'round-robin' | 'fastest' | 'anti-leech';

export class Session extends EventEmitter<SessionEvents> {
  constructor(options?: SessionOptions);
  static open(options?: SessionOptions): Promise<Session>;
  get ready(): Promise<number>;
  get settings(): Settings;
  configure(settings: SettingsChange): void;
  get dht(): Dht | undefined;
  get torrents(): readonly Torrent[];
  torrent(infoHash: InfoHash): Torrent | undefined;
  get stats(): SessionStats;
  add(source: string | URL | Uint8Array | Metainfo, options?: AddOptions): Promise<Torrent>;
  get bans(): readonly Ban[];
  ban(address: string, options?: BanOptions): void;
  unban(address: string): boolean;
  close(options?: {
    readonly signal?: AbortSignal;
  }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type SessionCode = 'session/closed' | 'session/duplicate' | 'session/fixed-setting' | 'session/http-status' | 'session/ignored-option' | 'session/listen-failed' | 'session/needs-dht' | 'session/not-found' | 'session/private' | 'session/udp-failed';

export interface SessionEvents {
  listening: [
    port: number
  ];
  added: [
    torrent: Torrent
  ];
  removed: [
    torrent: Torrent
  ];
  update: [
    torrent: Torrent,
    update: TorrentUpdate
  ];
  followed: [
    torrent: Torrent,
    previous: Torrent
  ];
  warning: [
    warning: Warning & {
      readonly torrent?: Torrent;
    }
  ];
  closed: [
  ];
}

export interface SessionOptions {
  readonly host?: string | undefined;
  readonly port?: number;
  readonly listen?: boolean;
  readonly tcp?: boolean;
  readonly utp?: boolean;
  readonly encryption?: EncryptionPolicy | EncryptionOptions;
  readonly dht?: boolean | DhtOptions;
  readonly path?: string;
  readonly limits?: LimitOptions;
  readonly transport?: TransportOptions;
  readonly discovery?: DiscoveryOptions;
  readonly client?: ClientOptions;
  readonly storage?: StorageOptions | StorageFactory;
  readonly world?: World;
}

export interface SessionStats {
  readonly torrents: number;
  readonly connections: number;
  readonly halfOpen: number;
  readonly banned: number;
  readonly downloadRate: number;
  readonly uploadRate: number;
  readonly downloaded: number;
  readonly uploaded: number;
  readonly udp: UdpStats | undefined;
}

export interface Settings {
  readonly limits: Required<LimitOptions>;
  readonly transport: Required<Omit<TransportOptions, 'host' | 'encryption'>> & {
    readonly host: string | undefined;
    readonly encryption: Encryption;
  };
  readonly discovery: Required<Omit<DiscoveryOptions, 'dht'>> & {
    readonly dht: DhtOptions | false;
  };
  readonly storage: Required<StorageOptions>;
  readonly client: Required<ClientOptions>;
}

export type SettingsChange = SessionOptions;

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

export type StorageFactory = (torrent: StorageTarget) => StorageBackend;

export interface StorageFile {
  readonly path: readonly string[];
  readonly originalPath?: readonly string[] | undefined;
  readonly length: number;
}

export interface StorageOptions {
  readonly path?: string;
  readonly factory?: StorageFactory | 'files';
  readonly metadataCache?: string | false;
}

export interface StorageTarget {
  readonly name: string;
  readonly infoHash: string;
  readonly path: string;
}

export interface StoredItem {
  readonly item: Item;
  readonly target: Uint8Array;
  readonly stored: number;
}

export interface StreamListener {
  data(chunk: Uint8Array): void;
  drain(): void;
  close(error: Error | undefined): void;
}

export interface StreamOptions {
  readonly start?: number;
  readonly end?: number;
  readonly signal?: AbortSignal;
}

export interface StreamServer {
  readonly address: Address;
  close(): Promise<void>;
}

export interface Subscription {
  cancel(): void;
}

export type SuperseedMode = 'normal' | 'strict';

export interface Support {
  readonly extended: boolean;
  readonly fast: boolean;
  readonly dht: boolean;
  readonly v2upgrade: boolean;
}

export type SystemCode = Uppercase<string>;

export interface Timer {
  cancel(): void;
}

export interface Torrent extends EventEmitter<TorrentEvents> {
  readonly metainfo: Metainfo | undefined;
  readonly infoHash: string;
  readonly infoHashV2: string | undefined;
  readonly name: string;
  readonly path: string | undefined;
  readonly files: readonly TorrentFile[];
  readonly metadata: Promise<Metainfo>;
  readonly ready: Promise<void>;
  readonly done: Promise<'complete' | 'closed'>;
  readonly state: TorrentState;
  readonly error: RarestError | undefined;
  readonly magnet: string;
  readonly stats: TorrentStats;
  readonly peers: readonly PeerSnapshot[];
  readonly trackers: readonly TrackerSnapshot[];
  readonly bitfield: Uint8Array;
  sequential: boolean;
  addPeers(peers: readonly string[]): void;
  removePeer(peer: string): boolean;
  addTracker(url: string, tier?: number): void;
  removeTracker(url: string): void;
  select(indices: readonly number[]): void;
  readPiece(index: number, options?: {
    readonly signal?: AbortSignal;
  }): Promise<Uint8Array>;
  pause(options?: {
    readonly signal?: AbortSignal;
  }): Promise<void>;
  resume(options?: {
    readonly signal?: AbortSignal;
  }): Promise<void>;
  recheck(options?: {
    readonly signal?: AbortSignal;
  }): Promise<RecheckResult>;
  close(options?: {
    readonly signal?: AbortSignal;
  }): Promise<void>;
  remove(options?: {
    readonly deleteData?: boolean;
    readonly signal?: AbortSignal;
  }): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export type TorrentCode = 'torrent/banned' | 'torrent/both-seeds' | 'torrent/checked' | 'torrent/choke-flood' | 'torrent/closed' | 'torrent/corrupt-data' | 'torrent/duplicate' | 'torrent/limit' | 'torrent/lost-piece' | 'torrent/no-interest' | 'torrent/no-metadata' | 'torrent/paused' | 'torrent/private' | 'torrent/removed' | 'torrent/replaced' | 'torrent/storage-error' | 'torrent/tracker-changed';

export interface TorrentEvents {
  state: [
    from: TorrentState,
    to: TorrentState
  ];
  metadata: [
    metainfo: Metainfo
  ];
  ready: [
  ];
  checking: [
    checked: number,
    pieces: number
  ];
  piece: [
    index: number
  ];
  lost: [
    index: number
  ];
  file: [
    index: number
  ];
  done: [
  ];
  peer: [
    address: string
  ];
  'peer-closed': [
    address: string,
    code: ErrorCode,
    message: string
  ];
  tracker: [
    report: TrackerReport
  ];
  warning: [
    warning: Warning
  ];
  error: [
    error: RarestError
  ];
  update: [
    update: TorrentUpdate
  ];
  paused: [
  ];
  resumed: [
  ];
  closed: [
  ];
}

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

export interface TorrentFile {
  readonly index: number;
  readonly path: string;
  readonly absolutePath: string | undefined;
  readonly name: string;
  readonly length: number;
  readonly offset: number;
  readonly verified: number;
  readonly progress: number;
  priority: number;
  stream(options?: StreamOptions): AsyncGenerator<Uint8Array, void, undefined>;
}

export interface TorrentOptions {
  readonly trackers?: TrackerTiers;
  readonly peers?: readonly string[];
  readonly select?: readonly number[];
  readonly sequential?: boolean;
  readonly paused?: boolean;
  readonly superseed?: SuperseedMode | false;
  readonly skipCheck?: boolean;
}

export type TorrentState = 'metadata' | 'checking' | 'downloading' | 'seeding' | 'paused' | 'error' | 'closed';

export interface TorrentStats {
  readonly state: TorrentState;
  readonly size: number;
  readonly verified: number;
  readonly wanted: number;
  readonly left: number;
  readonly downloaded: number;
  readonly uploaded: number;
  readonly wasted: number;
  readonly downloadRate: number;
  readonly uploadRate: number;
  readonly eta: number;
  readonly progress: number;
  readonly pieces: number;
  readonly verifiedPieces: number;
  readonly peers: number;
  readonly seeds: number;
  readonly knownPeers: number;
}

export interface TorrentUpdate {
  readonly infoHash: string;
  readonly seq: bigint;
  readonly magnet: string;
}

export interface TrackerAnnounce {
  readonly url: string;
  readonly infoHash: string;
  readonly event: AnnounceEvent | undefined;
  readonly next: Date | undefined;
}

export interface TrackerAnswer extends TrackerAnnounce {
  readonly type: 'answer';
  readonly peers: number;
  readonly seeders?: number;
  readonly leechers?: number;
}

export type TrackerCode = 'tracker/bad-redirect' | 'tracker/closed' | 'tracker/failure' | 'tracker/http-status' | 'tracker/invalid-url' | 'tracker/malformed' | 'tracker/refused-address' | 'tracker/scrape-unsupported' | 'tracker/short-datagram' | 'tracker/timeout' | 'tracker/too-large' | 'tracker/too-many-requests' | 'tracker/unknown-action' | 'tracker/unreachable' | 'tracker/unsupported-scheme' | 'tracker/warning' | 'tracker/wrong-protocol';

export interface TrackerFailure extends TrackerAnnounce {
  readonly type: 'failure';
  readonly code: ErrorCode;
  readonly message: string;
}

export type TrackerReport = TrackerAnswer | TrackerFailure;

export interface TrackerSnapshot {
  readonly url: string;
  readonly tier: number;
  readonly status: 'idle' | 'announcing' | 'working' | 'failed' | 'stopped';
  readonly lastError?: {
    readonly code: ErrorCode;
    readonly message: string;
  };
  readonly message?: string;
  readonly seeders?: number;
  readonly leechers?: number;
  readonly downloaded?: number;
  readonly interval: number;
  readonly nextAnnounce: number;
  readonly peersReceived: number;
  readonly failures: number;
}

export type TrackerTiers = readonly (string | readonly string[])[];

export type Transport = 'tcp' | 'utp';

export interface TransportOptions {
  readonly host?: string | undefined;
  readonly port?: number;
  readonly listen?: boolean;
  readonly tcp?: boolean;
  readonly utp?: boolean;
  readonly encryption?: EncryptionPolicy | EncryptionOptions;
  readonly connectTimeoutMs?: number;
  readonly handshakeTimeoutMs?: number;
}

export interface UdpStats {
  readonly receiveBuffer: number | undefined;
  readonly utpConnections: number;
}

export interface UpdateOptions {
  readonly interval?: number;
  readonly follow?: boolean;
}

export type UtpCode = 'utp/bad-extension' | 'utp/bad-type' | 'utp/bad-version' | 'utp/closed' | 'utp/connect-timeout' | 'utp/destroyed' | 'utp/ended' | 'utp/no-socket' | 'utp/refused' | 'utp/reset' | 'utp/timeout' | 'utp/too-many-connections' | 'utp/too-short';

export const VERSION = "0.1.0";

export interface Warning {
  readonly code: ErrorCode;
  readonly message: string;
}

export type WireCode = 'wire/bad-allowed-fast' | 'wire/bad-bitfield' | 'wire/bad-cancel' | 'wire/bad-hashes' | 'wire/bad-have' | 'wire/bad-length' | 'wire/bad-piece' | 'wire/bad-request' | 'wire/bad-suggest' | 'wire/fast-not-negotiated' | 'wire/handshake-aborted' | 'wire/handshake-cut' | 'wire/handshake-timeout' | 'wire/hash-not-negotiated' | 'wire/hash-request-flood' | 'wire/idle' | 'wire/message-too-long' | 'wire/not-bittorrent' | 'wire/pieces-flood' | 'wire/request-flood' | 'wire/request-too-long' | 'wire/send-queue-full' | 'wire/trailing-bytes' | 'wire/truncated' | 'wire/unknown-infohash' | 'wire/unrequested-hash-reject' | 'wire/unrequested-hashes' | 'wire/unrequested-piece' | 'wire/unrequested-reject' | 'wire/wrong-infohash';

export interface World {
  now(): number;
  unixTime(): number;
  readonly random: Random;
  setTimer(ms: number, call: () => void): Timer;
  defer(call: () => void): void;
  connect(to: Address, options: ConnectOptions): Promise<ByteStream>;
  listen(at: ListenOptions, accept: (stream: ByteStream) => void): Promise<StreamServer>;
  bind(at: BindOptions, receive: (bytes: Uint8Array, from: Address) => void): Promise<DatagramSocket>;
  fetch(request: HttpRequest, through?: World): Promise<HttpResponse>;
  serveHttp(at: HttpServerOptions, respond: HttpResponder, through?: World): Promise<StreamServer>;
  lookup(name: string, options?: {
    readonly signal?: AbortSignal;
    readonly timeout?: number;
  }): Promise<readonly string[]>;
  interfaces(): Promise<readonly NetworkInterface[]>;
  watchInterfaces(changed: (interfaces: readonly NetworkInterface[]) => void): Subscription;
  gateway(family: 4 | 6): Promise<Gateway | undefined>;
}

export function createTorrent(path: string | readonly string[], options?: CreateTorrentOptions): Promise<Uint8Array>;

export function parseMetainfo(input: Uint8Array, options?: ParseOptions): Metainfo;

export function probePeer(peer: string, infoHash: InfoHash, options?: ProbeOptions): Promise<PeerProbe>;

export function systemWorld(): World;

export function wrapWorld(world: World, replaced: Partial<World>): World;
