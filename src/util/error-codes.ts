/**
 * All stable codes, layer by layer: what `RarestError.code`, warnings and closed connections carry. What each
 * means and what to do about it is in `docs/errors.md`; a test compares this file, that page and the code.
 * @module
 */

/** Options of whatever function: carried by a TypeError or RangeError. */
export type OptionsCode =
  | 'options/conflict'
  | 'options/out-of-range'
  | 'options/unknown-option'
  | 'options/wrong-type'

/** Bytes that are not bencoding (BEP 3). */
export type BencodeCode =
  | 'bencode/duplicate-key'
  | 'bencode/integer-too-long'
  | 'bencode/invalid-integer'
  | 'bencode/invalid-length'
  | 'bencode/key-not-string'
  | 'bencode/missing-value'
  | 'bencode/string-past-end'
  | 'bencode/too-deep'
  | 'bencode/too-long'
  | 'bencode/too-many-tokens'
  | 'bencode/trailing-bytes'
  | 'bencode/unexpected-end'
  | 'bencode/unknown-type'
  | 'bencode/unsorted-key'

/** Torrent files and info dictionaries that are none. */
export type MetainfoCode =
  | 'metainfo/absolute-path'
  | 'metainfo/bad-file-tree'
  | 'metainfo/bad-files'
  | 'metainfo/bad-hash-count'
  | 'metainfo/bad-hash-proof'
  | 'metainfo/bad-hash-range'
  | 'metainfo/bad-length'
  | 'metainfo/bad-name'
  | 'metainfo/bad-path'
  | 'metainfo/bad-piece-layer-length'
  | 'metainfo/bad-piece-layers'
  | 'metainfo/bad-piece-length'
  | 'metainfo/bad-pieces'
  | 'metainfo/bad-root'
  | 'metainfo/bad-symlink'
  | 'metainfo/bad-version'
  | 'metainfo/empty-path'
  | 'metainfo/file-changed'
  | 'metainfo/file-with-siblings'
  | 'metainfo/hybrid-mismatch'
  | 'metainfo/length-and-files'
  | 'metainfo/missing-info'
  | 'metainfo/missing-length'
  | 'metainfo/missing-piece-layer'
  | 'metainfo/missing-root'
  | 'metainfo/no-files'
  | 'metainfo/not-a-dictionary'
  | 'metainfo/pad-in-file-tree'
  | 'metainfo/pad-too-long'
  | 'metainfo/path-clash'
  | 'metainfo/path-too-deep'
  | 'metainfo/path-too-long'
  | 'metainfo/path-traversal'
  | 'metainfo/piece-layer-mismatch'
  | 'metainfo/size-overflow'
  | 'metainfo/too-many-files'
  | 'metainfo/too-many-pieces'
  | 'metainfo/unknown-piece-layer'
  | 'metainfo/unproven-hashes'
  | 'metainfo/version-too-new'
  | 'metainfo/wrong-piece-count'
  | 'metainfo/wrong-piece-layer'

/** Links that name no torrent. */
export type MagnetCode =
  | 'magnet/bad-infohash'
  | 'magnet/conflict'
  | 'magnet/no-infohash'
  | 'magnet/not-a-magnet'
  | 'magnet/too-long'
  | 'magnet/unsupported-hash'

/** Trackers, over HTTP and UDP, as clients and servers. */
export type TrackerCode =
  | 'tracker/bad-redirect'
  | 'tracker/closed'
  | 'tracker/failure'
  | 'tracker/http-status'
  | 'tracker/invalid-url'
  | 'tracker/malformed'
  | 'tracker/refused-address'
  | 'tracker/scrape-unsupported'
  | 'tracker/short-datagram'
  | 'tracker/timeout'
  | 'tracker/too-large'
  | 'tracker/too-many-requests'
  | 'tracker/unknown-action'
  | 'tracker/unreachable'
  | 'tracker/unsupported-scheme'
  | 'tracker/warning'
  | 'tracker/wrong-protocol'

/** What peers send that the protocol does not have, and what ends connections. */
export type WireCode =
  | 'wire/bad-allowed-fast'
  | 'wire/bad-bitfield'
  | 'wire/bad-cancel'
  | 'wire/bad-hashes'
  | 'wire/bad-have'
  | 'wire/bad-length'
  | 'wire/bad-piece'
  | 'wire/bad-request'
  | 'wire/bad-suggest'
  | 'wire/fast-not-negotiated'
  | 'wire/handshake-aborted'
  | 'wire/handshake-cut'
  | 'wire/handshake-timeout'
  | 'wire/hash-not-negotiated'
  | 'wire/hash-request-flood'
  | 'wire/idle'
  | 'wire/message-too-long'
  | 'wire/not-bittorrent'
  | 'wire/pieces-flood'
  | 'wire/request-flood'
  | 'wire/request-too-long'
  | 'wire/send-queue-full'
  | 'wire/trailing-bytes'
  | 'wire/truncated'
  | 'wire/unknown-infohash'
  | 'wire/unrequested-hash-reject'
  | 'wire/unrequested-hashes'
  | 'wire/unrequested-piece'
  | 'wire/unrequested-reject'
  | 'wire/wrong-infohash'

/** Peer exchange. */
export type PexCode =
  | 'pex/bad-length'
  | 'pex/flood'
  | 'pex/not-a-dictionary'
  | 'pex/too-frequent'
  | 'pex/too-long'

/** The DHT. */
export type DhtCode =
  | 'dht/bad-reply'
  | 'dht/closed'
  | 'dht/malformed'
  | 'dht/no-answer'
  | 'dht/no-transaction'
  | 'dht/not-stored'
  | 'dht/unknown-kind'
  | 'dht/unreachable'

/** uTP connections. */
export type UtpCode =
  | 'utp/bad-extension'
  | 'utp/bad-type'
  | 'utp/bad-version'
  | 'utp/closed'
  | 'utp/connect-timeout'
  | 'utp/destroyed'
  | 'utp/ended'
  | 'utp/no-socket'
  | 'utp/refused'
  | 'utp/reset'
  | 'utp/timeout'
  | 'utp/too-many-connections'
  | 'utp/too-short'

/** Encrypted handshakes. */
export type MseCode =
  | 'mse/bad-select'
  | 'mse/bad-verification'
  | 'mse/cut'
  | 'mse/degenerate-key'
  | 'mse/no-common-method'
  | 'mse/no-sync'
  | 'mse/other-infohash'
  | 'mse/pad-too-long'
  | 'mse/payload-too-long'
  | 'mse/required'
  | 'mse/timeout'
  | 'mse/unknown-skey'

/** Metadata from peers. */
export type MetadataCode =
  | 'metadata/bad-block'
  | 'metadata/bad-total-size'
  | 'metadata/flood'
  | 'metadata/request-flood'
  | 'metadata/wrong-hash'

/** HTTP exchanges. */
export type HttpCode =
  | 'http/bad-encoding'
  | 'http/bad-response'
  | 'http/bad-url'
  | 'http/client-gone'
  | 'http/headers-too-large'
  | 'http/insecure-redirect'
  | 'http/local-redirect'
  | 'http/too-large'
  | 'http/too-many-redirects'

/** Name look-ups. */
export type DnsCode = 'dns/busy'

/** Connections that do not come about. */
export type NetCode =
  | 'net/aborted'
  | 'net/broken'
  | 'net/ended'
  | 'net/no-transport'
  | 'net/not-found'
  | 'net/overtaken'

/** Files of a torrent. */
export type StorageCode =
  | 'storage/changed'
  | 'storage/contradiction'
  | 'storage/disk-full'
  | 'storage/io'
  | 'storage/missing'
  | 'storage/permission'
  | 'storage/too-large'
  | 'storage/unsafe-path'

/** A torrent, and why it ends connections. */
export type TorrentCode =
  | 'torrent/banned'
  | 'torrent/both-seeds'
  | 'torrent/checked'
  | 'torrent/choke-flood'
  | 'torrent/closed'
  | 'torrent/corrupt-data'
  | 'torrent/duplicate'
  | 'torrent/limit'
  | 'torrent/lost-piece'
  | 'torrent/no-interest'
  | 'torrent/no-metadata'
  | 'torrent/paused'
  | 'torrent/private'
  | 'torrent/removed'
  | 'torrent/replaced'
  | 'torrent/storage-error'
  | 'torrent/tracker-changed'

/** A session. */
export type SessionCode =
  | 'session/closed'
  | 'session/duplicate'
  | 'session/fixed-setting'
  | 'session/http-status'
  | 'session/ignored-option'
  | 'session/listen-failed'
  | 'session/needs-dht'
  | 'session/not-found'
  | 'session/private'
  | 'session/udp-failed'

/** The command. */
export type CommandCode =
  | 'cli/bad-key'
  | 'cli/incomplete'
  | 'cli/interrupted'
  | 'cli/no-peers'
  | 'cli/no-tracker'
  | 'cli/not-found'
  | 'cli/usage'

/** Looking at one peer. */
export type ProbeCode = 'probe/done'

/** Codes of the system and of Node, all in capitals: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED` ... */
export type SystemCode = Uppercase<string>

/** A thrown value without a code: a mistake in rarest, or in a part that the application gave it. */
export type InternalCode = 'internal'

/** Every code that rarest knows. Test for one by `error.code === 'storage/disk-full'`: a misspelt one does not compile. */
export type ErrorCode =
  | OptionsCode
  | BencodeCode
  | MetainfoCode
  | MagnetCode
  | TrackerCode
  | WireCode
  | PexCode
  | DhtCode
  | UtpCode
  | MseCode
  | MetadataCode
  | HttpCode
  | DnsCode
  | NetCode
  | StorageCode
  | TorrentCode
  | SessionCode
  | CommandCode
  | ProbeCode
  | SystemCode
  | InternalCode
