export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface AnnouncePeerQuery extends QueryBase {
  readonly method: 'announce_peer';
  readonly infoHash: Uint8Array;
  readonly port: number;
  readonly impliedPort: boolean;
  readonly seed: boolean;
  readonly token: Uint8Array;
}

export const BOOTSTRAP_ROUTERS: readonly string[];

export interface BadQuery {
  readonly type: 'bad-query';
  readonly transactionId: Uint8Array;
  readonly code: number;
  readonly message: string;
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

export class BloomFilter {
  readonly bytes: Uint8Array;
  constructor(bytes?: Uint8Array);
  add(ip: Uint8Array): void;
  mayHave(ip: Uint8Array): boolean;
  unite(other: Uint8Array): void;
  get estimate(): number;
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

export type CommandCode = 'cli/bad-key' | 'cli/incomplete' | 'cli/interrupted' | 'cli/no-peers' | 'cli/no-tracker' | 'cli/not-found' | 'cli/usage';

export interface ConnectOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal;
  readonly localAddress?: string;
}

export interface Datagram {
  readonly bytes: Uint8Array;
  readonly to: Address;
}

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

export type DhtEvent = {
  readonly type: 'peers';
  readonly lookup: LookupId;
  readonly from: NodeInfo;
  readonly peers: readonly Address[];
} | {
  readonly type: 'scrape';
  readonly lookup: LookupId;
  readonly from: NodeInfo;
  readonly seeds: Uint8Array;
  readonly peers: Uint8Array;
} | {
  readonly type: 'item';
  readonly lookup: LookupId;
  readonly from: NodeInfo;
  readonly item: Item;
} | {
  readonly type: 'samples';
  readonly lookup: LookupId;
  readonly from: NodeInfo;
  readonly samples: readonly Uint8Array[];
  readonly num: number;
  readonly interval: number;
} | {
  readonly type: 'pong';
  readonly lookup: LookupId;
  readonly from: NodeInfo;
  readonly rtt: number;
} | {
  readonly type: 'done';
  readonly lookup: LookupId;
  readonly reason: 'complete' | 'aborted';
  readonly stats: LookupStats;
  readonly closest: readonly NodeInfo[];
  readonly refusal: {
    readonly code: number;
    readonly message: string;
  } | undefined;
} | {
  readonly type: 'ready';
} | {
  readonly type: 'external-address';
  readonly address: string;
  readonly id: Uint8Array;
};

export type DhtKey = string | Uint8Array | ArrayBuffer;

export interface DhtLookup<T> extends AsyncIterable<T> {
  readonly done: Promise<LookupStats>;
  readonly found: number;
}

export class DhtNode {
  readonly family: 4 | 6;
  private readonly random;
  private readonly signatures;
  private readonly table;
  private readonly peers;
  private readonly items;
  private readonly external;
  private readonly upkeep;
  private readonly rpc;
  private readonly outbox;
  private readonly querySender;
  private readonly server;
  private readonly traversals;
  private readonly sender;
  private sibling;
  private externalIp;
  private repliesIn;
  private errorsIn;
  private timeouts;
  private dropped;
  private bytesIn;
  constructor(options: DhtNodeOptions);
  get id(): Uint8Array;
  get externalAddress(): string | undefined;
  receive(bytes: Uint8Array, from: Address, now: number): void;
  timeout(now: number): void;
  nextTimeout(): number;
  transmit(_now: number): Datagram | undefined;
  poll(): DhtEvent | undefined;
  addNode(address: Address, now: number): void;
  addRouter(address: Address, now: number): void;
  join(sibling: DhtNode): void;
  ping(address: Address, now: number): LookupId;
  findNode(target: Uint8Array, now: number): LookupId;
  getPeers(infoHash: Uint8Array, options: GetPeersOptions, now: number): LookupId;
  get(target: Uint8Array, options: GetOptions, now: number): LookupId;
  put(item: Item, options: PutOptions, now: number): LookupId;
  sample(target: Uint8Array, now: number): LookupId;
  abort(lookup: LookupId, now: number): void;
  progress(lookup: LookupId, now: number): LookupStats | undefined;
  state(): DhtState;
  stats(now: number): DhtStats;
  checkInvariants(): void;
  private query;
  private reply;
  private unanswered;
  private finishQuery;
  private vote;
  private tellSibling;
  private wanted;
  private endpointOf;
}

export interface DhtNodeOptions {
  readonly random: Random;
  readonly now: number;
  readonly family: 4 | 6;
  readonly id?: Uint8Array;
  readonly nodes?: readonly NodeInfo[];
  readonly externalIp?: string;
  readonly readOnly?: boolean;
  readonly signatures?: Signatures;
  readonly rateLimits?: Partial<RateLimits> | false;
  readonly maxInfoHashes?: number;
  readonly maxPeersPerInfoHash?: number;
  readonly maxItems?: number;
  readonly version?: Uint8Array;
  readonly bucketSizes?: readonly number[];
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

export interface DhtState {
  readonly id: Uint8Array;
  readonly nodes: readonly NodeInfo[];
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

export type DnsCode = 'dns/busy';

export type Encodable = number | bigint | string | Uint8Array | readonly Encodable[] | ReadonlyMap<string, Encodable | undefined> | {
  readonly [key: string]: Encodable | undefined;
};

export type ErrorCode = OptionsCode | BencodeCode | MetainfoCode | MagnetCode | TrackerCode | WireCode | PexCode | DhtCode | UtpCode | MseCode | MetadataCode | HttpCode | DnsCode | NetCode | StorageCode | TorrentCode | SessionCode | CommandCode | ProbeCode | SystemCode | InternalCode;

export interface FindNodeQuery extends QueryBase {
  readonly method: 'find_node';
  readonly target: Uint8Array;
  readonly want?: Want | undefined;
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

export interface GetOptions {
  readonly salt?: Uint8Array;
  readonly seq?: bigint;
}

export interface GetPeersOptions {
  readonly announce?: {
    readonly port: number;
    readonly impliedPort?: boolean;
    readonly seed?: boolean;
  };
  readonly noSeed?: boolean;
  readonly scrape?: boolean;
}

export interface GetPeersQuery extends QueryBase {
  readonly method: 'get_peers';
  readonly infoHash: Uint8Array;
  readonly want?: Want | undefined;
  readonly noSeed: boolean;
  readonly scrape: boolean;
}

export interface GetQuery extends QueryBase {
  readonly method: 'get';
  readonly target: Uint8Array;
  readonly want?: Want | undefined;
  readonly seq?: bigint | undefined;
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

export const ID_LENGTH = 20;

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

export interface KrpcError {
  readonly type: 'error';
  readonly transactionId: Uint8Array;
  readonly version?: Uint8Array | undefined;
  readonly ip?: Uint8Array | undefined;
  readonly code: number;
  readonly message: string;
}

export type KrpcMessage = KrpcQuery | BadQuery | KrpcReply | KrpcError;

export type KrpcQuery = PingQuery | FindNodeQuery | GetPeersQuery | AnnouncePeerQuery | GetQuery | PutQuery | SampleQuery | UnknownQuery;

export interface KrpcReply {
  readonly type: 'reply';
  readonly transactionId: Uint8Array;
  readonly id: Uint8Array;
  readonly version?: Uint8Array | undefined;
  readonly ip?: Uint8Array | undefined;
  readonly nodes?: Uint8Array | undefined;
  readonly nodes6?: Uint8Array | undefined;
  readonly values?: readonly Uint8Array[] | undefined;
  readonly token?: Uint8Array | undefined;
  readonly seedFilter?: Uint8Array | undefined;
  readonly peerFilter?: Uint8Array | undefined;
  readonly v?: Uint8Array | undefined;
  readonly k?: Uint8Array | undefined;
  readonly seq?: bigint | undefined;
  readonly sig?: Uint8Array | undefined;
  readonly interval?: number | undefined;
  readonly num?: number | undefined;
  readonly samples?: Uint8Array | undefined;
}

export interface ListenOptions {
  readonly host?: string;
  readonly port: number;
}

export type LookupId = number;

export interface LookupStats {
  readonly queries: number;
  readonly responded: number;
  readonly timedOut: number;
  readonly rounds: number;
  readonly stored: number;
  readonly duration: number;
}

export const MAX_DATAGRAM = 1024;

export type MagnetCode = 'magnet/bad-infohash' | 'magnet/conflict' | 'magnet/no-infohash' | 'magnet/not-a-magnet' | 'magnet/too-long' | 'magnet/unsupported-hash';

export type MetadataCode = 'metadata/bad-block' | 'metadata/bad-total-size' | 'metadata/flood' | 'metadata/request-flood' | 'metadata/wrong-hash';

export type MetainfoCode = 'metainfo/absolute-path' | 'metainfo/bad-file-tree' | 'metainfo/bad-files' | 'metainfo/bad-hash-count' | 'metainfo/bad-hash-proof' | 'metainfo/bad-hash-range' | 'metainfo/bad-length' | 'metainfo/bad-name' | 'metainfo/bad-path' | 'metainfo/bad-piece-layer-length' | 'metainfo/bad-piece-layers' | 'metainfo/bad-piece-length' | 'metainfo/bad-pieces' | 'metainfo/bad-root' | 'metainfo/bad-symlink' | 'metainfo/bad-version' | 'metainfo/empty-path' | 'metainfo/file-changed' | 'metainfo/file-with-siblings' | 'metainfo/hybrid-mismatch' | 'metainfo/length-and-files' | 'metainfo/missing-info' | 'metainfo/missing-length' | 'metainfo/missing-piece-layer' | 'metainfo/missing-root' | 'metainfo/no-files' | 'metainfo/not-a-dictionary' | 'metainfo/pad-in-file-tree' | 'metainfo/pad-too-long' | 'metainfo/path-clash' | 'metainfo/path-too-deep' | 'metainfo/path-too-long' | 'metainfo/path-traversal' | 'metainfo/piece-layer-mismatch' | 'metainfo/size-overflow' | 'metainfo/too-many-files' | 'metainfo/too-many-pieces' | 'metainfo/unknown-piece-layer' | 'metainfo/unproven-hashes' | 'metainfo/version-too-new' | 'metainfo/wrong-piece-count' | 'metainfo/wrong-piece-layer';

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

export interface NodeInfo {
  readonly id: Uint8Array;
  readonly address: Address;
}

export interface OpenDht extends Dht {
  readonly port: number;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface OpenDhtOptions extends DhtOptions {
  readonly port?: number;
  readonly host?: string;
  readonly world?: World;
}

export type OptionsCode = 'options/conflict' | 'options/out-of-range' | 'options/unknown-option' | 'options/wrong-type';

export type PexCode = 'pex/bad-length' | 'pex/flood' | 'pex/not-a-dictionary' | 'pex/too-frequent' | 'pex/too-long';

export interface PingQuery extends QueryBase {
  readonly method: 'ping';
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

export interface PutMutableOptions extends SaltOptions, DhtPutOptions {
  readonly secretKey: Uint8Array;
  readonly seq?: bigint;
  readonly cas?: bigint;
}

export interface PutOptions {
  readonly cas?: bigint;
}

export interface PutQuery extends QueryBase {
  readonly method: 'put';
  readonly token: Uint8Array;
  readonly v: Uint8Array;
  readonly k?: Uint8Array | undefined;
  readonly seq?: bigint | undefined;
  readonly sig?: Uint8Array | undefined;
  readonly salt?: Uint8Array | undefined;
  readonly cas?: bigint | undefined;
}

export interface QueryBase {
  readonly type: 'query';
  readonly transactionId: Uint8Array;
  readonly id: Uint8Array;
  readonly readOnly: boolean;
  readonly version?: Uint8Array | undefined;
}

export const RATE_LIMITS: RateLimits;

export interface Random {
  uint32(): number;
  bytes(length: number): Uint8Array;
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

export type Result<T> = {
  readonly ok: true;
  readonly value: T;
} | {
  readonly ok: false;
  readonly error: ProtocolError;
};

export interface SaltOptions extends DhtCallOptions {
  readonly salt?: Uint8Array;
}

export interface SampleQuery extends QueryBase {
  readonly method: 'sample_infohashes';
  readonly target: Uint8Array;
  readonly want?: Want | undefined;
}

export type SessionCode = 'session/closed' | 'session/duplicate' | 'session/fixed-setting' | 'session/http-status' | 'session/ignored-option' | 'session/listen-failed' | 'session/needs-dht' | 'session/not-found' | 'session/private' | 'session/udp-failed';

export interface Signatures {
  verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean;
}

export type StorageCode = 'storage/changed' | 'storage/contradiction' | 'storage/disk-full' | 'storage/io' | 'storage/missing' | 'storage/permission' | 'storage/too-large' | 'storage/unsafe-path';

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

export interface StreamServer {
  readonly address: Address;
  close(): Promise<void>;
}

export interface Subscription {
  cancel(): void;
}

export type SystemCode = Uppercase<string>;

export interface Timer {
  cancel(): void;
}

export type TorrentCode = 'torrent/banned' | 'torrent/both-seeds' | 'torrent/checked' | 'torrent/choke-flood' | 'torrent/closed' | 'torrent/corrupt-data' | 'torrent/duplicate' | 'torrent/limit' | 'torrent/lost-piece' | 'torrent/no-interest' | 'torrent/no-metadata' | 'torrent/paused' | 'torrent/private' | 'torrent/removed' | 'torrent/replaced' | 'torrent/storage-error' | 'torrent/tracker-changed';

export type TrackerCode = 'tracker/bad-redirect' | 'tracker/closed' | 'tracker/failure' | 'tracker/http-status' | 'tracker/invalid-url' | 'tracker/malformed' | 'tracker/refused-address' | 'tracker/scrape-unsupported' | 'tracker/short-datagram' | 'tracker/timeout' | 'tracker/too-large' | 'tracker/too-many-requests' | 'tracker/unknown-action' | 'tracker/unreachable' | 'tracker/unsupported-scheme' | 'tracker/warning' | 'tracker/wrong-protocol';

export type Transport = 'tcp' | 'utp';

export interface UnknownQuery extends QueryBase {
  readonly method: 'unknown';
  readonly target: Uint8Array | undefined;
  readonly want?: Want | undefined;
}

export type UtpCode = 'utp/bad-extension' | 'utp/bad-type' | 'utp/bad-version' | 'utp/closed' | 'utp/connect-timeout' | 'utp/destroyed' | 'utp/ended' | 'utp/no-socket' | 'utp/refused' | 'utp/reset' | 'utp/timeout' | 'utp/too-many-connections' | 'utp/too-short';

export type Want = readonly (4 | 6)[];

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

export function decodeKrpc(bytes: Uint8Array): Result<KrpcMessage>;

export const ed25519: {
  verify(publicKey: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean;
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  publicKeyOf(seed: Uint8Array): Uint8Array;
};

export function encodeError(error: KrpcError): Uint8Array;

export function encodeQuery(query: KrpcQuery): Uint8Array;

export function encodeReply(reply: KrpcReply, limit?: number): Uint8Array;

export function immutableTarget(value: Uint8Array): Uint8Array;

export function isAuthentic(item: Item, target: Uint8Array, signatures: Signatures | undefined): boolean;

export function itemTarget(item: Item): Uint8Array;

export function mutableTarget(publicKey: Uint8Array, salt?: Uint8Array): Uint8Array;

export function nodesOf(compact: Uint8Array, family: 4 | 6): NodeInfo[];

export function openDht(options?: OpenDhtOptions): Promise<OpenDht>;

export function signedBytes(item: Pick<MutableItem, 'value' | 'salt' | 'seq'>): Uint8Array;

export function torrentOf(value: Uint8Array): string | undefined;

export function torrentValue(infoHash: InfoHash): Uint8Array;
