export interface Address {
  readonly host: string;
  readonly port: number;
}

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

export interface ConnectOptions {
  readonly timeout: number;
  readonly signal?: AbortSignal;
  readonly localAddress?: string;
}

export interface DatagramOptions {
  readonly loss?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  readonly reorderDelay?: number;
  readonly mtu?: number;
}

export interface DatagramSocket {
  readonly address: Address;
  readonly receiveBuffer?: number;
  send(bytes: Uint8Array, to: Address): void;
  join(group: string, by?: string): Promise<void>;
  leave(group: string, by?: string): Promise<void>;
  close(): Promise<void>;
}

export interface DiskOperation {
  readonly kind: 'open' | 'read' | 'write' | 'status' | 'create' | 'remove' | 'flush' | 'destroy';
  readonly path: string;
  readonly offset: number;
  readonly length: number;
  readonly index: number;
}

export interface DiskOptions {
  readonly latency?: number;
  readonly bandwidth?: number;
  readonly capacity?: number;
}

export interface FileStatus {
  readonly length: number;
  readonly modified?: number;
}

export interface Gateway {
  readonly host: string;
  readonly interface: string;
}

export interface HostOptions {
  readonly ip?: string;
  readonly ip6?: string;
  readonly lan?: string;
  readonly upload?: number;
  readonly download?: number;
  readonly latency?: number;
  readonly nat?: boolean;
  readonly refuse?: number;
  readonly connectionLife?: number;
  readonly dropDatagrams?: number;
  readonly disk?: DiskOptions;
}

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

export interface InterfaceOptions {
  readonly name: string;
  readonly ip?: string;
  readonly ip6?: string;
  readonly lan?: string;
}

export interface ListenOptions {
  readonly host?: string;
  readonly port: number;
}

export interface MulticastOptions {
  readonly interface?: string;
  readonly ttl?: number;
  readonly loopback?: boolean;
}

export interface NetworkInterface {
  readonly name: string;
  readonly isLoopback: boolean;
  readonly isUp: boolean;
  readonly addresses: readonly InterfaceAddress[];
}

export interface NetworkOptions {
  readonly seed: number;
  readonly latency?: number | ((a: VirtualHost, b: VirtualHost) => number);
  readonly window?: number;
  readonly sendBuffer?: number;
  readonly fragment?: number;
  readonly datagrams?: DatagramOptions;
  readonly startTime?: number;
  readonly trace?: (event: TraceEvent) => void;
}

export interface Random {
  uint32(): number;
  bytes(length: number): Uint8Array;
}

export interface RunOptions<T> {
  readonly until: (() => boolean) | PromiseLike<T>;
  readonly limit?: number;
}

export class SeededRandom implements Random {
  constructor(seed: number, stream?: number);
  uint32(): number;
  bytes(length: number): Uint8Array;
  happens(chance: number): boolean;
  fraction(): number;
}

export interface Site extends StreamServer {
  readonly requests: readonly SiteRequest[];
}

export type SiteFault = {
  readonly kind: 'slow';
  readonly bytesPerSecond: number;
} | {
  readonly kind: 'cut';
  readonly after: number;
} | {
  readonly kind: 'length';
  readonly declared: number;
} | {
  readonly kind: 'endless';
} | {
  readonly kind: 'redirect';
  readonly to: string;
  readonly status?: number;
} | {
  readonly kind: 'status';
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
} | {
  readonly kind: 'no-range';
} | {
  readonly kind: 'corrupt';
  readonly at: number;
} | {
  readonly kind: 'silent';
} | {
  readonly kind: 'garbage';
};

export interface SiteOptions {
  readonly files: Readonly<Record<string, Uint8Array>>;
  readonly fault?: (request: SiteRequest) => SiteFault | undefined;
  readonly host?: string;
  readonly port?: number;
}

export interface SiteRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

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

export interface StorageFile {
  readonly path: readonly string[];
  readonly originalPath?: readonly string[] | undefined;
  readonly length: number;
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

export interface Timer {
  cancel(): void;
}

export interface TraceEvent {
  readonly time: number;
  readonly kind: 'dial' | 'open' | 'refuse' | 'data' | 'close' | 'datagram' | 'drop';
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
}

export type Transport = 'tcp' | 'utp';

export class VirtualDisk {
  capacity: number;
  fault: ((operation: DiskOperation) => string | undefined) | undefined;
  backend(root?: string): StorageBackend;
  get used(): number;
  get operations(): number;
  get paths(): readonly string[];
  readFile(path: string): Uint8Array | undefined;
  writeFile(path: string, bytes: Uint8Array): void;
  writeAt(path: string, offset: number, bytes: Uint8Array): void;
  writeChunks(path: string, offset: number, chunks: readonly Uint8Array[]): void;
  deleteFile(path: string): void;
  readAt(path: string, offset: number, into: Uint8Array): number;
  statusOf(path: string): FileStatus;
  operate<T>(kind: DiskOperation['kind'], path: string, offset: number, length: number, effect: () => T): Promise<T>;
}

export class VirtualHost {
  readonly ip: string;
  readonly ip6: string | undefined;
  readonly world: World;
  readonly disk: VirtualDisk;
  readonly options: HostOptions;
  readonly waiting: Set<{
    readonly kind: string;
  }>;
  readonly interfaces: VirtualInterfaces;
  side: number;
  get online(): boolean;
  set online(online: boolean);
  cutConnections(code?: string): void;
  get open(): readonly string[];
  get traffic(): {
    readonly sent: number;
    readonly received: number;
  };
  canReach(other: VirtualHost): boolean;
  lacks(ip: string): boolean;
  addressTowards(remote: string): string;
}

export class VirtualInterfaces {
  gateways: {
    readonly 4?: Gateway;
    readonly 6?: Gateway;
  };
  get list(): readonly NetworkInterface[];
  add(options: InterfaceOptions): void;
  remove(name: string): void;
  setUp(name: string, isUp: boolean): void;
  watch(changed: (interfaces: readonly NetworkInterface[]) => void): Subscription;
  lacks(ip: string): boolean;
  source(family: 4 | 6): string | undefined;
  forMulticast(name: string | undefined, family: 4 | 6): {
    readonly name: string;
    readonly ip: string;
    readonly lan: string | undefined;
  } | undefined;
  namesOn(lan: string): readonly string[];
}

export class VirtualNames {
  latency: number;
  set(name: string, addresses: readonly string[]): void;
  fail(name: string, code: string): void;
  delete(name: string): void;
  lookup(name: string, { signal, timeout }?: {
    readonly signal?: AbortSignal;
    readonly timeout?: number;
  }): Promise<readonly string[]>;
}

export class VirtualNetwork {
  readonly seed: number;
  readonly names: VirtualNames;
  constructor(options: NetworkOptions);
  get now(): number;
  get digest(): string;
  get hosts(): readonly VirtualHost[];
  host(options?: HostOptions): VirtualHost;
  partition(...groups: readonly (readonly VirtualHost[])[]): void;
  heal(): void;
  run<T = void>(options: RunOptions<T>): Promise<T>;
  advance(ms: number): Promise<void>;
}

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

export function serveSite(world: World, options: SiteOptions): Promise<Site>;
