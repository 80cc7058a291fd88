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

export interface BadQuery {
  readonly type: 'bad-query';
  readonly transactionId: Uint8Array;
  readonly code: number;
  readonly message: string;
}

export type BencodeCode = 'bencode/duplicate-key' | 'bencode/integer-too-long' | 'bencode/invalid-integer' | 'bencode/invalid-length' | 'bencode/key-not-string' | 'bencode/missing-value' | 'bencode/string-past-end' | 'bencode/too-deep' | 'bencode/too-long' | 'bencode/too-many-tokens' | 'bencode/trailing-bytes' | 'bencode/unexpected-end' | 'bencode/unknown-type' | 'bencode/unsorted-key';

export class BloomFilter {
  readonly bytes: Uint8Array;
  constructor(bytes?: Uint8Array);
  add(ip: Uint8Array): void;
  mayHave(ip: Uint8Array): boolean;
  unite(other: Uint8Array): void;
  get estimate(): number;
}

export type CommandCode = 'cli/bad-key' | 'cli/incomplete' | 'cli/interrupted' | 'cli/no-peers' | 'cli/no-tracker' | 'cli/not-found' | 'cli/usage';

export type DhtCode = 'dht/bad-reply' | 'dht/closed' | 'dht/malformed' | 'dht/no-answer' | 'dht/no-transaction' | 'dht/not-stored' | 'dht/unknown-kind' | 'dht/unreachable';

export type DnsCode = 'dns/busy';

export type ErrorCode = OptionsCode | BencodeCode | MetainfoCode | MagnetCode | TrackerCode | WireCode | PexCode | DhtCode | UtpCode | MseCode | MetadataCode | HttpCode | DnsCode | NetCode | StorageCode | TorrentCode | SessionCode | CommandCode | ProbeCode | SystemCode | InternalCode;

export interface FindNodeQuery extends QueryBase {
  readonly method: 'find_node';
  readonly target: Uint8Array;
  readonly want?: Want | undefined;
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

export const ID_LENGTH = 20;

export interface ImmutableItem {
  readonly type: 'immutable';
  readonly value: Uint8Array;
}

export type InfoHash = string | Uint8Array | ArrayBuffer;

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

export const MAX_DATAGRAM = 1024;

export type MagnetCode = 'magnet/bad-infohash' | 'magnet/conflict' | 'magnet/no-infohash' | 'magnet/not-a-magnet' | 'magnet/too-long' | 'magnet/unsupported-hash';

export type MetadataCode = 'metadata/bad-block' | 'metadata/bad-total-size' | 'metadata/flood' | 'metadata/request-flood' | 'metadata/wrong-hash';

export type MetainfoCode = 'metainfo/absolute-path' | 'metainfo/bad-file-tree' | 'metainfo/bad-files' | 'metainfo/bad-hash-count' | 'metainfo/bad-hash-proof' | 'metainfo/bad-hash-range' | 'metainfo/bad-length' | 'metainfo/bad-name' | 'metainfo/bad-path' | 'metainfo/bad-piece-layer-length' | 'metainfo/bad-piece-layers' | 'metainfo/bad-piece-length' | 'metainfo/bad-pieces' | 'metainfo/bad-root' | 'metainfo/bad-symlink' | 'metainfo/bad-version' | 'metainfo/empty-path' | 'metainfo/file-changed' | 'metainfo/file-with-siblings' | 'metainfo/hybrid-mismatch' | 'metainfo/length-and-files' | 'metainfo/missing-info' | 'metainfo/missing-length' | 'metainfo/missing-piece-layer' | 'metainfo/missing-root' | 'metainfo/no-files' | 'metainfo/not-a-dictionary' | 'metainfo/pad-in-file-tree' | 'metainfo/pad-too-long' | 'metainfo/path-clash' | 'metainfo/path-too-deep' | 'metainfo/path-too-long' | 'metainfo/path-traversal' | 'metainfo/piece-layer-mismatch' | 'metainfo/size-overflow' | 'metainfo/too-many-files' | 'metainfo/too-many-pieces' | 'metainfo/unknown-piece-layer' | 'metainfo/unproven-hashes' | 'metainfo/version-too-new' | 'metainfo/wrong-piece-count' | 'metainfo/wrong-piece-layer';

export type MseCode = 'mse/bad-select' | 'mse/bad-verification' | 'mse/cut' | 'mse/degenerate-key' | 'mse/no-common-method' | 'mse/no-sync' | 'mse/other-infohash' | 'mse/pad-too-long' | 'mse/payload-too-long' | 'mse/required' | 'mse/timeout' | 'mse/unknown-skey';

export interface MutableItem {
  readonly type: 'mutable';
  readonly value: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly salt: Uint8Array;
  readonly seq: bigint;
  readonly signature: Uint8Array;
}

export type NetCode = 'net/aborted' | 'net/broken' | 'net/ended' | 'net/no-transport' | 'net/not-found' | 'net/overtaken';

export interface NodeInfo {
  readonly id: Uint8Array;
  readonly address: Address;
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

export type SystemCode = Uppercase<string>;

export type TorrentCode = 'torrent/banned' | 'torrent/both-seeds' | 'torrent/checked' | 'torrent/choke-flood' | 'torrent/closed' | 'torrent/corrupt-data' | 'torrent/duplicate' | 'torrent/limit' | 'torrent/lost-piece' | 'torrent/no-interest' | 'torrent/no-metadata' | 'torrent/paused' | 'torrent/private' | 'torrent/removed' | 'torrent/replaced' | 'torrent/storage-error' | 'torrent/tracker-changed';

export type TrackerCode = 'tracker/bad-redirect' | 'tracker/closed' | 'tracker/failure' | 'tracker/http-status' | 'tracker/invalid-url' | 'tracker/malformed' | 'tracker/refused-address' | 'tracker/scrape-unsupported' | 'tracker/short-datagram' | 'tracker/timeout' | 'tracker/too-large' | 'tracker/too-many-requests' | 'tracker/unknown-action' | 'tracker/unreachable' | 'tracker/unsupported-scheme' | 'tracker/warning' | 'tracker/wrong-protocol';

export interface UnknownQuery extends QueryBase {
  readonly method: 'unknown';
  readonly target: Uint8Array | undefined;
  readonly want?: Want | undefined;
}

export type UtpCode = 'utp/bad-extension' | 'utp/bad-type' | 'utp/bad-version' | 'utp/closed' | 'utp/connect-timeout' | 'utp/destroyed' | 'utp/ended' | 'utp/no-socket' | 'utp/refused' | 'utp/reset' | 'utp/timeout' | 'utp/too-many-connections' | 'utp/too-short';

export type Want = readonly (4 | 6)[];

export type WireCode = 'wire/bad-allowed-fast' | 'wire/bad-bitfield' | 'wire/bad-cancel' | 'wire/bad-hashes' | 'wire/bad-have' | 'wire/bad-length' | 'wire/bad-piece' | 'wire/bad-request' | 'wire/bad-suggest' | 'wire/fast-not-negotiated' | 'wire/handshake-aborted' | 'wire/handshake-cut' | 'wire/handshake-timeout' | 'wire/hash-not-negotiated' | 'wire/hash-request-flood' | 'wire/idle' | 'wire/message-too-long' | 'wire/not-bittorrent' | 'wire/pieces-flood' | 'wire/request-flood' | 'wire/request-too-long' | 'wire/send-queue-full' | 'wire/trailing-bytes' | 'wire/truncated' | 'wire/unknown-infohash' | 'wire/unrequested-hash-reject' | 'wire/unrequested-hashes' | 'wire/unrequested-piece' | 'wire/unrequested-reject' | 'wire/wrong-infohash';

export function decodeKrpc(bytes: Uint8Array): Result<KrpcMessage>;

export function encodeError(error: KrpcError): Uint8Array;

export function encodeQuery(query: KrpcQuery): Uint8Array;

export function encodeReply(reply: KrpcReply, limit?: number): Uint8Array;

export function immutableTarget(value: Uint8Array): Uint8Array;

export function isAuthentic(item: Item, target: Uint8Array, signatures: Signatures | undefined): boolean;

export function itemTarget(item: Item): Uint8Array;

export function mutableTarget(publicKey: Uint8Array, salt?: Uint8Array): Uint8Array;

export function nodesOf(compact: Uint8Array, family: 4 | 6): NodeInfo[];

export function signedBytes(item: Pick<MutableItem, 'value' | 'salt' | 'seq'>): Uint8Array;

export function torrentOf(value: Uint8Array): string | undefined;

export function torrentValue(infoHash: InfoHash): Uint8Array;
