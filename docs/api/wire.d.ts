export const ALLOWED_FAST = 17;

export const ASSUMED_REQQ = 250;

export interface Address {
  readonly host: string;
  readonly port: number;
}

export const BAD = -2;

export const BITFIELD = 5;

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

export interface BlockEvent {
  readonly type: 'block';
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
  readonly data: Uint8Array | undefined;
  readonly rtt: number;
}

export const CANCEL = 8;

export const CHOKE = 0;

export interface CloseReason {
  readonly code: string;
  readonly message: string;
}

export type CommandCode = 'cli/bad-key' | 'cli/incomplete' | 'cli/interrupted' | 'cli/no-peers' | 'cli/no-tracker' | 'cli/not-found' | 'cli/usage';

export interface Counters {
  payloadIn: number;
  payloadOut: number;
  overheadIn: number;
  overheadOut: number;
  waste: number;
  messagesIn: number;
  messagesOut: number;
}

export type CryptoMethod = 'rc4' | 'plaintext';

export class Decoder {
  piece: number;
  begin: number;
  length: number;
  body: Uint8Array;
  error: FramingCode;
  message: string;
  copied: number;
  skipped: number;
  private chunk;
  private at;
  private end;
  private state;
  private readonly head;
  private gathered;
  private target;
  private filled;
  private remaining;
  private bodyId;
  private store;
  private bodyLength;
  private bodyOwned;
  private bitfieldBytes;
  expectBitfield(bytes: number): void;
  feed(chunk: Uint8Array): void;
  into(target: Uint8Array | undefined): void;
  discard(): void;
  get arrived(): number;
  takeBody(): Uint8Array;
  next(): number;
  private consume;
  private gather;
  private wanted;
  private takeBlock;
  private startBody;
  private gatherBody;
  private takeSkip;
  private badLength;
  private fail;
}

export type DhtCode = 'dht/bad-reply' | 'dht/closed' | 'dht/malformed' | 'dht/no-answer' | 'dht/no-transaction' | 'dht/not-stored' | 'dht/unknown-kind' | 'dht/unreachable';

export type DnsCode = 'dns/busy';

export const EXTENDED = 20;

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

export type FramingCode = 'wire/message-too-long' | 'wire/bad-length' | 'wire/bad-bitfield';

export const HANDSHAKE_LENGTH = 68;

export const HASHES = 22;

export const HASH_REJECT = 23;

export const HASH_REQUEST = 21;

export const HAVE = 4;

export const HAVE_ALL = 14;

export const HAVE_NONE = 15;

export const HOLEPUNCH_ERRORS: Readonly<Record<'noSuchPeer' | 'notConnected' | 'noSupport' | 'noSelf', number>>;

export interface Handshake {
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  readonly reserved: Uint8Array;
}

export type HandshakeEvent = {
  readonly type: 'infohash';
  readonly infoHash: Uint8Array;
  readonly reserved: Uint8Array;
} | {
  readonly type: 'done';
  readonly handshake: Handshake;
  readonly rest: Uint8Array;
} | {
  readonly type: 'error';
  readonly code: 'wire/not-bittorrent';
  readonly message: string;
};

export class HandshakeReader {
  poll(): HandshakeEvent | undefined;
  receive(chunk: Uint8Array): void;
}

export interface HashRequest {
  readonly root: Uint8Array;
  readonly base: number;
  readonly index: number;
  readonly length: number;
  readonly proofs: number;
}

export type HolepunchMessage = {
  readonly type: 'rendezvous' | 'connect';
  readonly address: Address;
} | {
  readonly type: 'error';
  readonly address: Address;
  readonly error: number;
};

export type HttpCode = 'http/bad-encoding' | 'http/bad-response' | 'http/bad-url' | 'http/client-gone' | 'http/headers-too-large' | 'http/insecure-redirect' | 'http/local-redirect' | 'http/too-large' | 'http/too-many-redirects';

export const INTERESTED = 2;

export type InternalCode = 'internal';

export const KEEP_ALIVE = 256;

export interface KeyExchange {
  readonly publicKey: Uint8Array;
  secret(theirs: Uint8Array): Uint8Array;
}

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

export const MSE_PRIME: Uint8Array;

export type MagnetCode = 'magnet/bad-infohash' | 'magnet/conflict' | 'magnet/no-infohash' | 'magnet/not-a-magnet' | 'magnet/too-long' | 'magnet/unsupported-hash';

export type MakeKeyExchange = (privateKey: Uint8Array) => KeyExchange;

export type Message = {
  readonly type: 'keep-alive';
} | {
  readonly type: 'choke' | 'unchoke' | 'interested' | 'not-interested' | 'have-all' | 'have-none';
} | {
  readonly type: 'have' | 'suggest' | 'allowed-fast';
  readonly piece: number;
} | {
  readonly type: 'bitfield';
  readonly bits: Uint8Array;
} | {
  readonly type: 'request' | 'cancel' | 'reject';
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
} | {
  readonly type: 'piece';
  readonly piece: number;
  readonly begin: number;
  readonly data: Uint8Array;
} | {
  readonly type: 'port';
  readonly port: number;
} | {
  readonly type: 'extended';
  readonly id: number;
  readonly payload: Uint8Array;
} | {
  readonly type: 'hash-request' | 'hash-reject';
  readonly request: HashRequest;
} | {
  readonly type: 'hashes';
  readonly request: HashRequest;
  readonly hashes: Uint8Array;
} | {
  readonly type: 'unknown';
  readonly id: number;
  readonly payload: Uint8Array;
};

export type MetadataCode = 'metadata/bad-block' | 'metadata/bad-total-size' | 'metadata/flood' | 'metadata/request-flood' | 'metadata/wrong-hash';

export type MetainfoCode = 'metainfo/absolute-path' | 'metainfo/bad-file-tree' | 'metainfo/bad-files' | 'metainfo/bad-hash-count' | 'metainfo/bad-hash-proof' | 'metainfo/bad-hash-range' | 'metainfo/bad-length' | 'metainfo/bad-name' | 'metainfo/bad-path' | 'metainfo/bad-piece-layer-length' | 'metainfo/bad-piece-layers' | 'metainfo/bad-piece-length' | 'metainfo/bad-pieces' | 'metainfo/bad-root' | 'metainfo/bad-symlink' | 'metainfo/bad-version' | 'metainfo/empty-path' | 'metainfo/file-changed' | 'metainfo/file-with-siblings' | 'metainfo/hybrid-mismatch' | 'metainfo/length-and-files' | 'metainfo/missing-info' | 'metainfo/missing-length' | 'metainfo/missing-piece-layer' | 'metainfo/missing-root' | 'metainfo/no-files' | 'metainfo/not-a-dictionary' | 'metainfo/pad-in-file-tree' | 'metainfo/pad-too-long' | 'metainfo/path-clash' | 'metainfo/path-too-deep' | 'metainfo/path-too-long' | 'metainfo/path-traversal' | 'metainfo/piece-layer-mismatch' | 'metainfo/size-overflow' | 'metainfo/too-many-files' | 'metainfo/too-many-pieces' | 'metainfo/unknown-piece-layer' | 'metainfo/unproven-hashes' | 'metainfo/version-too-new' | 'metainfo/wrong-piece-count' | 'metainfo/wrong-piece-layer';

export class MseAcceptor extends MseCore {
  protected result: MseCore['result'];
  constructor(options: MseAcceptorOptions);
  protected step(): boolean;
}

export interface MseAcceptorOptions extends MseOptions {
  readonly select: readonly CryptoMethod[];
  readonly find: (hash: Uint8Array) => Uint8Array | undefined;
}

export type MseCode = 'mse/bad-select' | 'mse/bad-verification' | 'mse/cut' | 'mse/degenerate-key' | 'mse/no-common-method' | 'mse/no-sync' | 'mse/other-infohash' | 'mse/pad-too-long' | 'mse/payload-too-long' | 'mse/required' | 'mse/timeout' | 'mse/unknown-skey';

export abstract class MseCore {
  protected readonly random: Random;
  protected readonly privateKey: Uint8Array;
  protected readonly exchange: MakeKeyExchange;
  protected readonly buffer: Uint8Array;
  protected length: number;
  protected at: number;
  constructor(options: MseOptions, longest: number);
  poll(): MseEvent | undefined;
  transmit(): Uint8Array | undefined;
  receive(chunk: Uint8Array): void;
  protected abstract step(): boolean;
  protected abstract readonly result: {
    readonly method: CryptoMethod;
    readonly incoming: Rc4;
    readonly outgoing: Rc4;
    readonly skey: Uint8Array;
    readonly early: Uint8Array;
  } | undefined;
  protected send(...parts: readonly Uint8Array[]): void;
  protected fail(code: MseFailure, message: string): false;
  protected take(length: number): Uint8Array | undefined;
  protected sync(mark: Uint8Array): boolean;
  protected padding(): Uint8Array;
}

export type MseEvent = {
  readonly type: 'done';
  readonly method: CryptoMethod;
  readonly ciphers: {
    readonly incoming: Rc4;
    readonly outgoing: Rc4;
  } | undefined;
  readonly skey: Uint8Array;
  readonly payload: Uint8Array;
} | {
  readonly type: 'error';
  readonly code: MseFailure;
  readonly message: string;
};

export type MseFailure = 'mse/degenerate-key' | 'mse/no-sync' | 'mse/unknown-skey' | 'mse/bad-verification' | 'mse/no-common-method' | 'mse/bad-select' | 'mse/pad-too-long' | 'mse/payload-too-long';

export class MseInitiator extends MseCore {
  protected result: MseCore['result'];
  constructor(options: MseInitiatorOptions);
  protected step(): boolean;
}

export interface MseInitiatorOptions extends MseOptions {
  readonly skey: Uint8Array;
  readonly provide: readonly CryptoMethod[];
  readonly payload: Uint8Array;
}

export interface MseOptions {
  readonly random: Random;
  readonly exchange: MakeKeyExchange;
}

export const NEED = -1;

export const NOT_INTERESTED = 3;

export type NetCode = 'net/aborted' | 'net/broken' | 'net/ended' | 'net/no-transport' | 'net/not-found' | 'net/overtaken';

export type OptionsCode = 'options/conflict' | 'options/out-of-range' | 'options/unknown-option' | 'options/wrong-type';

export const PEER_ID_PREFIX = "-RR0100-";

export const PIECE = 7;

export const PIECE_END = 257;

export const PORT = 9;

export class Peer {
  amChoking: boolean;
  amInterested: boolean;
  peerChoking: boolean;
  peerInterested: boolean;
  lastReceived: number;
  extension: ExtensionHandshake | undefined;
  readonly counters: Counters;
  private readonly options;
  private readonly context;
  private readonly downloads;
  private readonly uploads;
  private readonly remote;
  private readonly extendedMessages;
  private readonly hashMessages;
  private readonly keepAliveAfter;
  private readonly idleAfter;
  private lastSent;
  private told;
  private retold;
  private partial;
  private bytesIn;
  constructor(options: PeerOptions);
  allowRequests(count: number): void;
  get closed(): CloseReason | undefined;
  get pieces(): Bitfield | undefined;
  get isSeed(): boolean;
  get outstanding(): number;
  get oldestRequest(): number;
  get incoming(): {
    readonly piece: number;
    readonly begin: number;
    readonly data: Uint8Array;
  } | undefined;
  get queued(): number;
  get waiting(): number;
  isAllowedFast(piece: number): boolean;
  start(pieces: Bitfield | undefined, extensionHandshake: Uint8Array | undefined, now: number): void;
  receive(chunk: Uint8Array, now: number): void;
  timeout(now: number): void;
  nextTimeout(): number;
  transmit(now: number): Uint8Array[] | undefined;
  poll(): PeerEvent | undefined;
  setChoking(choking: boolean, _now: number): void;
  setInterested(interested: boolean, _now: number): void;
  have(piece: number, _now: number): void;
  request(piece: number, begin: number, length: number, now: number): void;
  cancel(piece: number, begin: number, _now: number): void;
  nextRequest(): Range | undefined;
  answer(data: readonly Uint8Array[]): void;
  reject(): void;
  offerFast(pieces: readonly number[]): void;
  suggest(piece: number): void;
  extended(extendedId: number, payload: Uint8Array): void;
  lost(piece: number): readonly number[] | undefined;
  port(port: number): void;
  hashRequest(request: HashRequest): void;
  hashes(request: HashRequest, hashes: Uint8Array): void;
  hashReject(request: HashRequest): void;
  setLayout(layout: Layout, _now: number): void;
  close(code: string, message?: string): void;
  private handle;
  private receivePieces;
  private receiveHave;
  private receiveSuggest;
  private checkWaiting;
  private release;
}

export type PeerEvent = {
  readonly type: 'pieces';
} | {
  readonly type: 'have';
  readonly piece: number;
} | {
  readonly type: 'choke';
} | {
  readonly type: 'unchoke';
} | {
  readonly type: 'interested';
} | {
  readonly type: 'not-interested';
} | {
  readonly type: 'requests';
} | BlockEvent | {
  readonly type: 'rejected';
  readonly piece: number;
  readonly begin: number;
} | {
  readonly type: 'suggest';
  readonly piece: number;
} | {
  readonly type: 'allowed-fast';
  readonly piece: number;
} | {
  readonly type: 'extension-handshake';
  readonly handshake: ExtensionHandshake;
} | {
  readonly type: 'extended';
  readonly id: number;
  readonly payload: Uint8Array;
} | {
  readonly type: 'port';
  readonly port: number;
} | {
  readonly type: 'hash-request';
  readonly request: HashRequest;
} | {
  readonly type: 'hashes';
  readonly request: HashRequest;
  readonly hashes: Uint8Array;
} | {
  readonly type: 'hash-reject';
  readonly request: HashRequest;
} | {
  readonly type: 'close';
  readonly code: string;
  readonly message: string;
};

export interface PeerOptions {
  readonly layout: Layout | undefined;
  readonly fast: boolean;
  readonly extended: boolean;
  readonly dht: boolean;
  readonly v2?: boolean;
  place(piece: number, begin: number, length: number): Uint8Array | undefined;
  readonly maxRequests: number;
  readonly now: number;
  readonly timings?: PeerTimings;
}

export interface PeerTimings {
  readonly keepAlive?: number;
  readonly idle?: number;
}

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

export const REJECT = 16;

export const REQUEST = 6;

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

export class Rc4 {
  private readonly state;
  private i;
  private j;
  constructor(key: Uint8Array, drop?: number);
  apply(from: Uint8Array, into: Uint8Array): void;
  private bytes;
  private words;
}

export type Result<T> = {
  readonly ok: true;
  readonly value: T;
} | {
  readonly ok: false;
  readonly error: ProtocolError;
};

export const SUGGEST = 13;

export type SessionCode = 'session/closed' | 'session/duplicate' | 'session/fixed-setting' | 'session/http-status' | 'session/ignored-option' | 'session/listen-failed' | 'session/needs-dht' | 'session/not-found' | 'session/private' | 'session/udp-failed';

export class SkeyTable {
  add(infoHash: Uint8Array): void;
  delete(infoHash: Uint8Array): void;
  find(hash: Uint8Array): Uint8Array | undefined;
}

export type StorageCode = 'storage/changed' | 'storage/contradiction' | 'storage/disk-full' | 'storage/io' | 'storage/missing' | 'storage/permission' | 'storage/too-large' | 'storage/unsafe-path';

export interface Support {
  readonly extended: boolean;
  readonly fast: boolean;
  readonly dht: boolean;
  readonly v2upgrade: boolean;
}

export type SystemCode = Uppercase<string>;

export type TorrentCode = 'torrent/banned' | 'torrent/both-seeds' | 'torrent/checked' | 'torrent/choke-flood' | 'torrent/closed' | 'torrent/corrupt-data' | 'torrent/duplicate' | 'torrent/limit' | 'torrent/lost-piece' | 'torrent/no-interest' | 'torrent/no-metadata' | 'torrent/paused' | 'torrent/private' | 'torrent/removed' | 'torrent/replaced' | 'torrent/storage-error' | 'torrent/tracker-changed';

export type TrackerCode = 'tracker/bad-redirect' | 'tracker/closed' | 'tracker/failure' | 'tracker/http-status' | 'tracker/invalid-url' | 'tracker/malformed' | 'tracker/refused-address' | 'tracker/scrape-unsupported' | 'tracker/short-datagram' | 'tracker/timeout' | 'tracker/too-large' | 'tracker/too-many-requests' | 'tracker/unknown-action' | 'tracker/unreachable' | 'tracker/unsupported-scheme' | 'tracker/warning' | 'tracker/wrong-protocol';

export const UNCHOKE = 1;

export const UNKNOWN = 258;

export type UtpCode = 'utp/bad-extension' | 'utp/bad-type' | 'utp/bad-version' | 'utp/closed' | 'utp/connect-timeout' | 'utp/destroyed' | 'utp/ended' | 'utp/no-socket' | 'utp/refused' | 'utp/reset' | 'utp/timeout' | 'utp/too-many-connections' | 'utp/too-short';

export type WireCloseCode = 'wire/message-too-long' | 'wire/bad-length' | 'wire/bad-bitfield' | 'wire/pieces-flood' | 'wire/bad-have' | 'wire/bad-request' | 'wire/request-too-long' | 'wire/request-flood' | 'wire/bad-cancel' | 'wire/bad-piece' | 'wire/unrequested-piece' | 'wire/unrequested-reject' | 'wire/bad-suggest' | 'wire/bad-allowed-fast' | 'wire/fast-not-negotiated' | 'wire/hash-not-negotiated' | 'wire/idle' | 'wire/send-queue-full';

export type WireCode = 'wire/bad-allowed-fast' | 'wire/bad-bitfield' | 'wire/bad-cancel' | 'wire/bad-hashes' | 'wire/bad-have' | 'wire/bad-length' | 'wire/bad-piece' | 'wire/bad-request' | 'wire/bad-suggest' | 'wire/fast-not-negotiated' | 'wire/handshake-aborted' | 'wire/handshake-cut' | 'wire/handshake-timeout' | 'wire/hash-not-negotiated' | 'wire/hash-request-flood' | 'wire/idle' | 'wire/message-too-long' | 'wire/not-bittorrent' | 'wire/pieces-flood' | 'wire/request-flood' | 'wire/request-too-long' | 'wire/send-queue-full' | 'wire/trailing-bytes' | 'wire/truncated' | 'wire/unknown-infohash' | 'wire/unrequested-hash-reject' | 'wire/unrequested-hashes' | 'wire/unrequested-piece' | 'wire/unrequested-reject' | 'wire/wrong-infohash';

export function allowedFastSet(ip: string, infoHash: Uint8Array, pieceCount: number, k?: number): number[];

export function clientName(peerId: Uint8Array): string | undefined;

export function decodeExtensionHandshake(bytes: Uint8Array, previous?: ExtensionHandshake): ExtensionHandshake | undefined;

export function decodeHandshake(bytes: Uint8Array): Handshake | undefined;

export function decodeHolepunch(payload: Uint8Array): HolepunchMessage | undefined;

export function decodeMessage(bytes: Uint8Array): Result<Message>;

export function encodeExtensionHandshake(handshake: Omit<Partial<ExtensionHandshake>, 'extensions'> & {
  readonly extensions?: ReadonlyMap<string, number> | Readonly<Record<string, number>>;
}): Uint8Array;

export function encodeHandshake(handshake: Handshake): Uint8Array;

export function encodeHolepunch(message: HolepunchMessage): Uint8Array;

export function encodeMessage(message: Message): Uint8Array;

export function isDegenerate(publicKey: Uint8Array): boolean;

export function makePeerId(random: Random): Uint8Array;

export function reservedBits(support: Partial<Support>): Uint8Array;

export function supports(reserved: Uint8Array): Support;
