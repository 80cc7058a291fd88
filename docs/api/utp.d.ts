export interface Address {
  readonly host: string;
  readonly port: number;
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

export interface InterfaceAddress {
  readonly host: string;
  readonly family: 4 | 6;
  readonly prefix: number;
}

export type InternalCode = 'internal';

export interface ListenOptions {
  readonly host?: string;
  readonly port: number;
}

export type MagnetCode = 'magnet/bad-infohash' | 'magnet/conflict' | 'magnet/no-infohash' | 'magnet/not-a-magnet' | 'magnet/too-long' | 'magnet/unsupported-hash';

export type MetadataCode = 'metadata/bad-block' | 'metadata/bad-total-size' | 'metadata/flood' | 'metadata/request-flood' | 'metadata/wrong-hash';

export type MetainfoCode = 'metainfo/absolute-path' | 'metainfo/bad-file-tree' | 'metainfo/bad-files' | 'metainfo/bad-hash-count' | 'metainfo/bad-hash-proof' | 'metainfo/bad-hash-range' | 'metainfo/bad-length' | 'metainfo/bad-name' | 'metainfo/bad-path' | 'metainfo/bad-piece-layer-length' | 'metainfo/bad-piece-layers' | 'metainfo/bad-piece-length' | 'metainfo/bad-pieces' | 'metainfo/bad-root' | 'metainfo/bad-symlink' | 'metainfo/bad-version' | 'metainfo/empty-path' | 'metainfo/file-changed' | 'metainfo/file-with-siblings' | 'metainfo/hybrid-mismatch' | 'metainfo/length-and-files' | 'metainfo/missing-info' | 'metainfo/missing-length' | 'metainfo/missing-piece-layer' | 'metainfo/missing-root' | 'metainfo/no-files' | 'metainfo/not-a-dictionary' | 'metainfo/pad-in-file-tree' | 'metainfo/pad-too-long' | 'metainfo/path-clash' | 'metainfo/path-too-deep' | 'metainfo/path-too-long' | 'metainfo/path-traversal' | 'metainfo/piece-layer-mismatch' | 'metainfo/size-overflow' | 'metainfo/too-many-files' | 'metainfo/too-many-pieces' | 'metainfo/unknown-piece-layer' | 'metainfo/unproven-hashes' | 'metainfo/version-too-new' | 'metainfo/wrong-piece-count' | 'metainfo/wrong-piece-layer';

export type MseCode = 'mse/bad-select' | 'mse/bad-verification' | 'mse/cut' | 'mse/degenerate-key' | 'mse/no-common-method' | 'mse/no-sync' | 'mse/other-infohash' | 'mse/pad-too-long' | 'mse/payload-too-long' | 'mse/required' | 'mse/timeout' | 'mse/unknown-skey';

export interface MulticastOptions {
  readonly interface?: string;
  readonly ttl?: number;
  readonly loopback?: boolean;
}

export type NetCode = 'net/aborted' | 'net/broken' | 'net/ended' | 'net/no-transport' | 'net/not-found' | 'net/overtaken';

export interface NetworkInterface {
  readonly name: string;
  readonly isLoopback: boolean;
  readonly isUp: boolean;
  readonly addresses: readonly InterfaceAddress[];
}

export type OptionsCode = 'options/conflict' | 'options/out-of-range' | 'options/unknown-option' | 'options/wrong-type';

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

export type SessionCode = 'session/closed' | 'session/duplicate' | 'session/fixed-setting' | 'session/http-status' | 'session/ignored-option' | 'session/listen-failed' | 'session/needs-dht' | 'session/not-found' | 'session/private' | 'session/udp-failed';

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

export type TrackerCode = 'tracker/bad-redirect' | 'tracker/closed' | 'tracker/failure' | 'tracker/http-status' | 'tracker/invalid-url' | 'tracker/malformed' | 'tracker/refused-address' | 'tracker/scrape-unsupported' | 'tracker/short-datagram' | 'tracker/timeout' | 'tracker/too-large' | 'tracker/too-many-requests' | 'tracker/unknown-action' | 'tracker/unreachable' | 'tracker/unsupported-scheme' | 'tracker/warning' | 'tracker/wrong-protocol';

export type Transport = 'tcp' | 'utp';

export type UtpCloseCode = 'utp/refused' | 'utp/reset' | 'utp/connect-timeout' | 'utp/timeout' | 'utp/too-many-connections' | 'utp/destroyed';

export type UtpCode = 'utp/bad-extension' | 'utp/bad-type' | 'utp/bad-version' | 'utp/closed' | 'utp/connect-timeout' | 'utp/destroyed' | 'utp/ended' | 'utp/no-socket' | 'utp/refused' | 'utp/reset' | 'utp/timeout' | 'utp/too-many-connections' | 'utp/too-short';

export interface UtpConnectOptions extends UtpSocketOptions {
  readonly host?: string;
  readonly port: number;
  readonly timeout?: number;
  readonly signal?: AbortSignal;
}

export interface UtpConnection {
  readonly remote: Address;
  readonly incoming: boolean;
  readonly stats: UtpStats;
  readonly queued: number;
  write(bytes: Uint8Array, from: number, to: number, now: number): number;
  read(now: number): Uint8Array | undefined;
  end(now: number): void;
  destroy(now: number): void;
}

export interface UtpDatagram {
  readonly bytes: Uint8Array;
  readonly to: Address;
}

export class UtpEndpoint {
  private readonly connections;
  private readonly deadlines;
  private readonly resets;
  private readonly header;
  private readonly out;
  private readonly unconfirmed;
  private readonly lingering;
  private senders;
  private sending;
  private burst;
  private turn;
  private readonly events;
  private polled;
  private time;
  private readonly context;
  private refused;
  private answered;
  private unknown;
  constructor(options: UtpOptions);
  get maxConnections(): number;
  set maxConnections(count: number);
  get stats(): UtpEndpointStats;
  connect(to: Address, now: number): UtpConnection;
  receive(bytes: Uint8Array, from: Address, now: number): boolean;
  endOfTurn(now: number): boolean;
  timeout(now: number): void;
  nextTimeout(): number;
  transmit(now: number): UtpDatagram | undefined;
  poll(): UtpEvent | undefined;
  close(now: number): void;
  checkInvariants(): void;
  private receiveSyn;
  private findBySendId;
  private makeRoom;
  private dropOldest;
  private freeId;
}

export interface UtpEndpointStats {
  readonly connections: number;
  readonly unconfirmed: number;
  readonly refused: number;
  readonly resets: number;
  readonly unknown: number;
}

export type UtpEvent = {
  readonly type: 'incoming';
  readonly connection: UtpConnection;
} | {
  readonly type: 'connected';
  readonly connection: UtpConnection;
} | {
  readonly type: 'readable';
  readonly connection: UtpConnection;
} | {
  readonly type: 'writable';
  readonly connection: UtpConnection;
} | {
  readonly type: 'end';
  readonly connection: UtpConnection;
} | {
  readonly type: 'closed';
  readonly connection: UtpConnection;
  readonly code: UtpCloseCode | undefined;
};

export interface UtpOptions {
  readonly random: Random;
  readonly now: number;
  readonly maxConnections?: number;
  readonly receiveBuffer?: number;
  readonly receiveBudget?: number;
  readonly sendBuffer?: number;
  readonly maxDatagram?: number;
  readonly accept?: (from: Address) => boolean;
}

export class UtpServer extends EventEmitter<UtpServerEvents> {
  constructor(options?: UtpServerOptions);
  static open(options?: UtpServerOptions & {
    readonly host?: string;
    readonly port?: number;
  }): Promise<UtpServer>;
  get address(): Address | undefined;
  get connections(): number;
  listen(at?: {
    readonly host?: string;
    readonly port?: number;
  }): Promise<Address>;
  connect(to: UtpConnectOptions): UtpSocket;
  close(): Promise<void>;
  destroy(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface UtpServerEvents {
  connection: [
    socket: UtpSocket
  ];
  listening: [
  ];
  close: [
  ];
}

export interface UtpServerOptions extends UtpSocketOptions {
  readonly maxConnections?: number;
  readonly welcome?: (from: Address) => boolean;
  readonly world?: World;
}

export class UtpSocket extends Duplex {
  get connecting(): boolean;
  get remote(): Address | undefined;
  get local(): Address | undefined;
  get stats(): UtpStats | undefined;
  _read(): void;
  _write(chunk: Uint8Array, _encoding: string, callback: (error?: Error | null) => void): void;
  _writev(parts: readonly {
    readonly chunk: Uint8Array;
  }[], callback: (error?: Error | null) => void): void;
  _final(callback: (error?: Error | null) => void): void;
  _destroy(error: Error | null, callback: (error: Error | null) => void): void;
}

export interface UtpSocketOptions {
  readonly allowHalfOpen?: boolean;
}

export interface UtpStats {
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly resent: number;
  readonly timeouts: number;
  readonly lossCuts: number;
  readonly probesSent: number;
  readonly probesLost: number;
  readonly duplicates: number;
  readonly dropped: number;
  readonly rtt: number;
  readonly rttVariation: number;
  readonly window: number;
  readonly inFlight: number;
  readonly remoteWindow: number;
  readonly delay: number;
  readonly mtu: number;
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

export function connect(to: UtpConnectOptions): UtpSocket;

export function createServer(options?: UtpServerOptions, listener?: (socket: UtpSocket) => void): UtpServer;

export function systemWorld(): World;
