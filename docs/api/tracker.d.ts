export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface AnnounceAction {
  readonly id: number;
  readonly url: string;
  readonly event: AnnounceEvent | undefined;
  readonly numwant: number;
  readonly trackerId: string | undefined;
  readonly paused: boolean;
  readonly timeout: number | undefined;
  readonly replaces: number | undefined;
}

export type AnnounceEvent = 'started' | 'completed' | 'stopped';

export type AnnounceOrder = 'tiers' | 'strict' | 'all';

export interface AnnounceRequest {
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  readonly port: number;
  readonly uploaded: number | bigint;
  readonly downloaded: number | bigint;
  readonly left: number | bigint;
  readonly event?: AnnounceEvent | undefined;
  readonly numwant?: number | undefined;
  readonly key: number;
  readonly trackerId?: string | undefined;
  readonly paused?: boolean | undefined;
}

export interface AnnounceResponse {
  readonly interval: number;
  readonly minInterval?: number;
  readonly peers: readonly TrackerPeer[];
  readonly named?: readonly NamedPeer[];
  readonly complete?: number;
  readonly incomplete?: number;
  readonly downloaded?: number;
  readonly warning?: string;
  readonly trackerId?: string;
  readonly externalIp?: string;
}

export class Announcer {
  partialSeed: boolean;
  constructor(options: AnnouncerOptions);
  started(_now: number): void;
  completed(now: number): void;
  stop(_now: number): void;
  pause(now: number): void;
  resume(now: number): void;
  needPeers(now: number): void;
  get isIdle(): boolean;
  addTracker(url: string, tier?: number): boolean;
  removeTracker(url: string): boolean;
  makePrivate(): void;
  poll(now: number): AnnounceAction | undefined;
  succeeded(id: number, response: AnnounceResponse, now: number): boolean;
  failed(id: number, error: unknown, now: number): void;
  nextTimeout(): number;
  get tiers(): readonly (readonly string[])[];
  get trackers(): readonly TrackerSnapshot[];
}

export interface AnnouncerOptions {
  readonly tiers: readonly (readonly string[])[];
  readonly random: Random;
  readonly order?: AnnounceOrder;
  readonly private?: boolean;
  readonly numwant?: number;
  readonly interval?: IntervalLimits;
}

export type BencodeCode = 'bencode/duplicate-key' | 'bencode/integer-too-long' | 'bencode/invalid-integer' | 'bencode/invalid-length' | 'bencode/key-not-string' | 'bencode/missing-value' | 'bencode/string-past-end' | 'bencode/too-deep' | 'bencode/too-long' | 'bencode/too-many-tokens' | 'bencode/trailing-bytes' | 'bencode/unexpected-end' | 'bencode/unknown-type' | 'bencode/unsorted-key';

export interface BindOptions {
  readonly host?: string;
  readonly port: number;
  readonly family?: 4 | 6;
  readonly reuse?: boolean;
  readonly multicast?: MulticastOptions;
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

export interface DatagramSocket {
  readonly address: Address;
  readonly receiveBuffer?: number;
  send(bytes: Uint8Array, to: Address): void;
  join(group: string, by?: string): Promise<void>;
  leave(group: string, by?: string): Promise<void>;
  close(): Promise<void>;
}

export type DhtCode = 'dht/bad-reply' | 'dht/closed' | 'dht/malformed' | 'dht/no-answer' | 'dht/no-transaction' | 'dht/not-stored' | 'dht/unknown-kind' | 'dht/unreachable';

export type DnsCode = 'dns/busy';

export type ErrorCode = OptionsCode | BencodeCode | MetainfoCode | MagnetCode | TrackerCode | WireCode | PexCode | DhtCode | UtpCode | MseCode | MetadataCode | HttpCode | DnsCode | NetCode | StorageCode | TorrentCode | SessionCode | CommandCode | ProbeCode | SystemCode | InternalCode;

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

export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
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

export type InfoHash = string | Uint8Array | ArrayBuffer;

export interface InterfaceAddress {
  readonly host: string;
  readonly family: 4 | 6;
  readonly prefix: number;
}

export type InternalCode = 'internal';

export interface IntervalLimits {
  readonly min: number;
  readonly max: number;
}

export interface ListenOptions {
  readonly host?: string;
  readonly port: number;
}

export const MAX_PEERS = 3000;

export type MagnetCode = 'magnet/bad-infohash' | 'magnet/conflict' | 'magnet/no-infohash' | 'magnet/not-a-magnet' | 'magnet/too-long' | 'magnet/unsupported-hash';

export type MetadataCode = 'metadata/bad-block' | 'metadata/bad-total-size' | 'metadata/flood' | 'metadata/request-flood' | 'metadata/wrong-hash';

export type MetainfoCode = 'metainfo/absolute-path' | 'metainfo/bad-file-tree' | 'metainfo/bad-files' | 'metainfo/bad-hash-count' | 'metainfo/bad-hash-proof' | 'metainfo/bad-hash-range' | 'metainfo/bad-length' | 'metainfo/bad-name' | 'metainfo/bad-path' | 'metainfo/bad-piece-layer-length' | 'metainfo/bad-piece-layers' | 'metainfo/bad-piece-length' | 'metainfo/bad-pieces' | 'metainfo/bad-root' | 'metainfo/bad-symlink' | 'metainfo/bad-version' | 'metainfo/empty-path' | 'metainfo/file-changed' | 'metainfo/file-with-siblings' | 'metainfo/hybrid-mismatch' | 'metainfo/length-and-files' | 'metainfo/missing-info' | 'metainfo/missing-length' | 'metainfo/missing-piece-layer' | 'metainfo/missing-root' | 'metainfo/no-files' | 'metainfo/not-a-dictionary' | 'metainfo/pad-in-file-tree' | 'metainfo/pad-too-long' | 'metainfo/path-clash' | 'metainfo/path-too-deep' | 'metainfo/path-too-long' | 'metainfo/path-traversal' | 'metainfo/piece-layer-mismatch' | 'metainfo/size-overflow' | 'metainfo/too-many-files' | 'metainfo/too-many-pieces' | 'metainfo/unknown-piece-layer' | 'metainfo/unproven-hashes' | 'metainfo/version-too-new' | 'metainfo/wrong-piece-count' | 'metainfo/wrong-piece-layer';

export type MseCode = 'mse/bad-select' | 'mse/bad-verification' | 'mse/cut' | 'mse/degenerate-key' | 'mse/no-common-method' | 'mse/no-sync' | 'mse/other-infohash' | 'mse/pad-too-long' | 'mse/payload-too-long' | 'mse/required' | 'mse/timeout' | 'mse/unknown-skey';

export interface MulticastOptions {
  readonly interface?: string;
  readonly ttl?: number;
  readonly loopback?: boolean;
}

export interface NamedPeer {
  readonly name: string;
  readonly port: number;
  readonly peerId?: Uint8Array;
}

export type NetCode = 'net/aborted' | 'net/broken' | 'net/ended' | 'net/no-transport' | 'net/not-found' | 'net/overtaken';

export interface NetworkInterface {
  readonly name: string;
  readonly isLoopback: boolean;
  readonly isUp: boolean;
  readonly addresses: readonly InterfaceAddress[];
}

export type OptionsCode = 'options/conflict' | 'options/out-of-range' | 'options/unknown-option' | 'options/wrong-type';

export const PROTOCOL_ID = 4497486125440n;

export type PexCode = 'pex/bad-length' | 'pex/flood' | 'pex/not-a-dictionary' | 'pex/too-frequent' | 'pex/too-long';

export type ProbeCode = 'probe/done';

export class ProtocolError extends RarestError {
  readonly fault: 'remote' | 'local';
  readonly offset: number | undefined;
  constructor(code: ErrorCode, message: string, options?: {
    fault?: 'remote' | 'local';
    offset?: number;
  });
}

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

export type Result<T> = {
  readonly ok: true;
  readonly value: T;
} | {
  readonly ok: false;
  readonly error: ProtocolError;
};

export const SCRAPE_BATCH = 74;

export interface ScrapeEntry {
  readonly complete: number;
  readonly downloaded: number;
  readonly incomplete: number;
  readonly downloaders?: number;
}

export type SessionCode = 'session/closed' | 'session/duplicate' | 'session/fixed-setting' | 'session/http-status' | 'session/ignored-option' | 'session/listen-failed' | 'session/needs-dht' | 'session/not-found' | 'session/private' | 'session/udp-failed';

export interface SharedSockets extends UdpSender {
  has(family: 4 | 6): boolean;
}

export type StorageCode = 'storage/changed' | 'storage/contradiction' | 'storage/disk-full' | 'storage/io' | 'storage/missing' | 'storage/permission' | 'storage/too-large' | 'storage/unsafe-path';

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

export interface TrackerCallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeout?: number | undefined;
}

export class TrackerClient {
  constructor(world: World, options?: TrackerClientOptions);
  announce(url: string, announce: TrackerRequest, options?: TrackerCallOptions): Promise<AnnounceResponse>;
  scrape(url: string, infoHashes: readonly InfoHash[], options?: TrackerCallOptions): Promise<Map<string, ScrapeEntry>>;
  receive(bytes: Uint8Array, from: Address): boolean;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TrackerClientOptions {
  readonly families?: readonly (4 | 6)[];
  readonly sockets?: {
    readonly 4?: UdpSender;
    readonly 6?: UdpSender;
  };
  readonly shared?: SharedSockets;
  readonly localAddresses?: {
    readonly 4?: string;
    readonly 6?: string;
  };
  readonly userAgent?: string;
  readonly maxConcurrent?: number;
}

export type TrackerCode = 'tracker/bad-redirect' | 'tracker/closed' | 'tracker/failure' | 'tracker/http-status' | 'tracker/invalid-url' | 'tracker/malformed' | 'tracker/refused-address' | 'tracker/scrape-unsupported' | 'tracker/short-datagram' | 'tracker/timeout' | 'tracker/too-large' | 'tracker/too-many-requests' | 'tracker/unknown-action' | 'tracker/unreachable' | 'tracker/unsupported-scheme' | 'tracker/warning' | 'tracker/wrong-protocol';

export class TrackerCore {
  readonly interval: number;
  readonly minInterval: number;
  constructor(options: TrackerCoreOptions);
  get stats(): TrackerStats;
  udp(bytes: Uint8Array, host: string, now: number): Uint8Array | undefined;
  http(target: string, host: string, now: number): HttpReply;
  scrape(infoHash: Uint8Array, now: number): {
    readonly complete: number;
    readonly downloaded: number;
    readonly incomplete: number;
    readonly downloaders: number;
  };
}

export interface TrackerCoreOptions {
  readonly random: Random;
  readonly interval?: number;
  readonly minInterval?: number;
  readonly maxSwarms?: number;
  readonly maxPeers?: number;
  readonly maxPeersPerAnswer?: number;
  readonly maxDatagram?: number;
  readonly requestsPerSecond?: number;
  readonly burst?: number;
  readonly fullScrape?: boolean;
  readonly allow?: (infoHash: Uint8Array) => boolean;
}

export class TrackerError extends RarestError {
  readonly retryIn: number | undefined;
  constructor(code: ErrorCode, message: string, options?: {
    retryIn?: number;
    cause?: unknown;
  });
}

export interface TrackerListening {
  readonly httpUrl: string | undefined;
  readonly udpUrl: string | undefined;
  readonly port: number;
}

export interface TrackerPeer {
  readonly address: Address;
  readonly peerId?: Uint8Array;
}

export interface TrackerRequest extends Omit<AnnounceRequest, 'infoHash'> {
  readonly infoHash: InfoHash;
}

export type TrackerResult<T> = {
  readonly ok: true;
  readonly value: T;
} | {
  readonly ok: false;
  readonly error: TrackerError;
};

export class TrackerServer {
  constructor(options?: TrackerServerOptions);
  static open(options?: TrackerServerOptions): Promise<TrackerServer>;
  get listening(): TrackerListening | undefined;
  get stats(): TrackerStats;
  listen(): Promise<TrackerListening>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface TrackerServerOptions extends Partial<TrackerCoreOptions> {
  readonly world?: World;
  readonly host?: string;
  readonly port?: number;
  readonly http?: boolean;
  readonly udp?: boolean;
}

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

export interface TrackerStats {
  readonly announces: number;
  readonly scrapes: number;
  readonly connects: number;
  readonly refused: number;
  readonly swarms: number;
  readonly peers: number;
}

export type Transport = 'tcp' | 'utp';

export type UdpRequest = {
  readonly action: 'connect';
  readonly transactionId: number;
} | {
  readonly action: 'announce';
  readonly connectionId: bigint;
  readonly transactionId: number;
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  readonly downloaded: number | bigint;
  readonly left: number | bigint;
  readonly uploaded: number | bigint;
  readonly event: AnnounceEvent | 'paused' | undefined;
  readonly key: number;
  readonly numwant: number | undefined;
  readonly port: number;
  readonly urlData: string;
} | {
  readonly action: 'scrape';
  readonly connectionId: bigint;
  readonly transactionId: number;
  readonly infoHashes: readonly Uint8Array[];
};

export type UdpResponse = {
  readonly action: 'connect';
  readonly transactionId: number;
  readonly connectionId: bigint;
} | {
  readonly action: 'announce';
  readonly transactionId: number;
  readonly interval: number;
  readonly leechers: number;
  readonly seeders: number;
  readonly peers: readonly Address[];
} | {
  readonly action: 'scrape';
  readonly transactionId: number;
  readonly entries: readonly UdpScrapeEntry[];
} | {
  readonly action: 'error';
  readonly transactionId: number;
  readonly message: string;
};

export interface UdpScrapeEntry {
  readonly complete: number;
  readonly downloaded: number;
  readonly incomplete: number;
}

export type UdpSender = Pick<DatagramSocket, 'send'>;

export type UtpCode = 'utp/bad-extension' | 'utp/bad-type' | 'utp/bad-version' | 'utp/closed' | 'utp/connect-timeout' | 'utp/destroyed' | 'utp/ended' | 'utp/no-socket' | 'utp/refused' | 'utp/reset' | 'utp/timeout' | 'utp/too-many-connections' | 'utp/too-short';

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

export function announceUrl(url: string, request: AnnounceRequest): string;

export function decodeAnnounce(body: Uint8Array): TrackerResult<AnnounceResponse>;

export function decodeScrape(body: Uint8Array): TrackerResult<Map<string, ScrapeEntry>>;

export function decodeUdpRequest(bytes: Uint8Array): Result<UdpRequest>;

export function decodeUdpResponse(bytes: Uint8Array, family: 4 | 6): Result<UdpResponse>;

export function decodeUrlData(options: Uint8Array): string;

export function encodeAnnounce(connectionId: bigint, transactionId: number, request: AnnounceRequest, target?: string): Uint8Array;

export function encodeAnnounceResponse(transactionId: number, interval: number, leechers: number, seeders: number, peers: readonly Uint8Array[]): Uint8Array;

export function encodeConnect(transactionId: number): Uint8Array;

export function encodeScrape(connectionId: bigint, transactionId: number, infoHashes: readonly Uint8Array[]): Uint8Array;

export function encodeUdpResponse(response: UdpResponse): Uint8Array;

export function encodeUrlData(target: string): Uint8Array;

export function scrapeUrl(url: string, infoHashes: readonly Uint8Array[]): string | undefined;

export function systemWorld(): World;
