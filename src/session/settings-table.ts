/**
 * Every setting of a session: what it means, what it may be, what it is unless something else is said, and
 * whether it changes while the session runs. All else about settings comes from here: the checks, the defaults,
 * what `Session.configure` takes, the types in `settings-types.ts` and the page docs/settings.md, which
 * `npm run settings` writes. A new setting is a new row, and something that reads it.
 *
 * Names say their unit, where a number alone would leave it open, and the scope, where it is not the session:
 * `connectTimeoutMs`, `pieceBytesPerTorrent`.
 * @module
 */

import { dhtKind } from '../net/dht/options.js'
import { DEFAULT_ENCRYPTION, encryptionKind } from '../net/peer/encryption.js'
import { boolean, callback, integer, type Kind, oneOf, orElse, text } from '../util/options.js'
import type { Settings } from './settings-types.js'
import { VERSION } from './version.js'

/** When a new value takes effect, or `never`: such a setting is fixed when the session is made. */
export type Takes = 'at once' | 'for new connections' | 'for torrents added later' | 'never'

/** A row of the table. */
export interface Setting<T> {
  /** Type and range. */
  readonly kind: Kind<T>
  /** The type of the value in `Session.settings`, as TypeScript writes it, where more may be given than is kept. */
  readonly resolved?: string
  readonly unit?: string
  readonly default: T
  /** The default in words, where the value itself would not tell. */
  readonly defaultWords?: string
  /** What it is. */
  readonly about: string
  /** Why the default is what it is, with the precedent. */
  readonly reason: string
  readonly takes: Takes
  /** It may be given at the top level of the options as well: what nearly every program sets. */
  readonly shorthand?: true
  /** Its name before there were groups. */
  readonly formerly?: string
}

/** One row for each member of {@link Settings}, of its type. */
export type SettingsTable = {
  readonly [G in keyof Settings]: { readonly [N in keyof Settings[G]]: Setting<Settings[G][N]> }
}

/** What the groups are about. */
export const GROUPS: Readonly<Record<keyof Settings, string>> = {
  limits: 'How much a session may use: connections, upload slots, requests, memory, files.',
  transport: 'How peers are reached and reach us.',
  discovery: 'How peers are found, besides trackers.',
  storage: 'Where things are kept.',
  client: 'Who we are, and how we treat peers.',
}

const MOST = Number.MAX_SAFE_INTEGER
const MIB = 1_048_576
const TEN_MINUTES = 600_000

export const SETTINGS: SettingsTable = {
  limits: {
    connections: {
      kind: integer(1, 100_000),
      unit: 'connections',
      default: 500,
      about:
        'Connections of the whole session. Lowered below what there is: those that are of least use are closed.',
      reason: 'about 10 KiB of memory each; libtorrent has 200, Transmission 200, qBittorrent 500',
      takes: 'at once',
      formerly: 'maxConnections',
    },
    peersPerTorrent: {
      kind: integer(1, 100_000),
      unit: 'connections',
      default: 100,
      about:
        'Connections of one torrent. Lowered below what there is: those that are of least use are closed.',
      reason: 'enough for rarest first; libtorrent and Transmission allow 50 to 200',
      takes: 'at once',
      formerly: 'maxPeersPerTorrent',
    },
    halfOpen: {
      kind: integer(1, 10_000),
      unit: 'dials',
      default: 25,
      about: 'Dials under way at once. Those that are under way go on when it is lowered.',
      reason: 'home routers drop more; anacrolix/torrent has 25',
      takes: 'at once',
      formerly: 'maxHalfOpen',
    },
    dialsPerSecond: {
      kind: integer(1, 10_000),
      unit: 'dials a second',
      default: 30,
      about: 'Dials started a second.',
      reason: 'as libtorrent',
      takes: 'at once',
    },
    uploadSlots: {
      kind: integer(1, 100_000),
      unit: 'peers',
      default: 64,
      about: 'Peers of all torrents that we send to at once. Torrents share them evenly.',
      reason: 'beyond that each gets too little of a home line to complete pieces',
      takes: 'at once',
      formerly: 'maxUploadSlots',
    },
    uploadSlotsPerTorrent: {
      kind: integer(1, 10_000),
      unit: 'peers',
      default: 8,
      about: 'Peers of one torrent that we send to at once, the optimistic one included.',
      reason: 'as Transmission',
      takes: 'at once',
      formerly: 'uploadSlots',
    },
    queuedRequestsPerPeer: {
      kind: integer(1, 10_000),
      unit: 'requests',
      default: 500,
      about:
        'Requests of one peer that we queue, told it as `reqq`. Peers that were told more than a lower value may go on using that.',
      reason: '8 MiB, a second at 64 Mbit/s; as Transmission',
      takes: 'at once',
      formerly: 'requestQueue',
    },
    outstandingRequestsPerPeer: {
      kind: integer(1, 10_000),
      unit: 'requests',
      default: 500,
      about: 'Requests that we keep at one peer at most.',
      reason: '8 MiB fill a gigabit link at 60 ms',
      takes: 'at once',
      formerly: 'maxOutstanding',
    },
    pieceBytesPerTorrent: {
      kind: integer(1, MOST),
      unit: 'bytes',
      default: 32 * MIB,
      about:
        'Memory for pieces under way, per torrent. Pieces of up to 1 MiB take half of it. Lowered: pieces that are open are finished.',
      reason:
        '16 MiB on order fill a gigabit link at 130 ms, and more would only leave the cache of the processor',
      takes: 'at once',
      formerly: 'pieceBudget',
    },
    readBytesPerTorrent: {
      kind: integer(0, MOST),
      unit: 'bytes',
      default: 16 * MIB,
      about: 'Memory for cached reads while seeding, per torrent. 0: nothing is read ahead.',
      reason: 'windows of 1 MiB for 8 peers that upload at once, one at work and one ahead',
      takes: 'at once',
      formerly: 'readBudget',
    },
    openFilesPerTorrent: {
      kind: integer(1, 1_000_000),
      unit: 'files',
      default: 40,
      about: 'Files of one torrent kept open, those that were idle longest closed first.',
      reason: 'as libtorrent, and a small part of the 256 that the tightest system allows a process',
      takes: 'at once',
      formerly: 'maxOpenFiles',
    },
  },
  transport: {
    host: {
      kind: text,
      resolved: 'string | undefined',
      default: undefined,
      defaultWords: 'all addresses, IPv6 and IPv4',
      about: 'Local address to listen on.',
      reason: 'peers come by either',
      takes: 'never',
      shorthand: true,
    },
    port: {
      kind: integer(0, 65_535),
      default: 0,
      defaultWords: '0, a free one',
      about: 'Port to listen on: TCP, and UDP of the same number.',
      reason: 'fixed low ports are throttled by some networks, and several sessions fit on a machine',
      takes: 'never',
      shorthand: true,
    },
    listen: {
      kind: boolean,
      default: true,
      about: 'Accept connections. Without it peers can only be dialled.',
      reason: 'peers that we cannot reach can reach us',
      takes: 'never',
      shorthand: true,
    },
    tcp: {
      kind: boolean,
      default: true,
      about: 'Make and take TCP connections to peers.',
      reason: 'all peers speak it',
      takes: 'never',
      shorthand: true,
    },
    utp: {
      kind: boolean,
      default: true,
      about:
        'Make and take uTP connections to peers (BEP 29), on the UDP port of the same number. A dial begins with TCP, which costs a tenth of the CPU time, and goes on with uTP when that takes long.',
      reason: 'it reaches peers behind NATs and makes way for other traffic',
      takes: 'never',
      shorthand: true,
    },
    encryption: {
      kind: encryptionKind,
      resolved: 'Encryption',
      default: DEFAULT_ENCRYPTION,
      defaultWords: '`enabled` both ways, whichever method the acceptor chooses',
      about:
        'Message stream encryption (MSE/PE), one policy for both directions or one each. `enabled`: we take both kinds of connections, and make encrypted ones to peers that cut plain ones off.',
      reason: 'as libtorrent; RC4 costs both sides 4 s of CPU per GiB',
      takes: 'for new connections',
      shorthand: true,
    },
    connectTimeoutMs: {
      kind: integer(1, TEN_MINUTES),
      unit: 'ms',
      default: 10_000,
      about: 'Time for a TCP connection to come about.',
      reason: 'a SYN is sent four times by then; libtorrent waits 15 s',
      takes: 'for new connections',
      formerly: 'connectTimeout',
    },
    handshakeTimeoutMs: {
      kind: integer(1, TEN_MINUTES),
      unit: 'ms',
      default: 15_000,
      about: 'Time for a handshake, the encrypted one included.',
      reason: 'BEP 3 practice is 10 to 20 s',
      takes: 'for new connections',
      formerly: 'handshakeTimeout',
    },
  },
  discovery: {
    dht: {
      kind: dhtKind,
      resolved: 'DhtOptions | false',
      default: {},
      defaultWords:
        "true on this machine's network; false on a virtual one, and when `host` is a loopback address",
      about:
        'Take part in the DHT (BEP 5), on the UDP port of the same number. With options it is on wherever it runs.',
      reason:
        'magnets without trackers need it; from a loopback address the well-known routers cannot be reached',
      takes: 'never',
      shorthand: true,
    },
    pex: {
      kind: boolean,
      default: true,
      about:
        'Tell peers of others and learn of others from them (BEP 11), except in private torrents (BEP 27). Off, hole punching (BEP 55) finds no one to ask either.',
      reason: 'a swarm stays whole when its tracker is gone',
      takes: 'at once',
    },
  },
  storage: {
    path: {
      kind: text,
      default: 'downloads',
      defaultWords: '`downloads` in the working directory',
      about: 'Folder below which torrents are stored.',
      reason: 'never into the working directory itself',
      takes: 'for torrents added later',
      shorthand: true,
    },
    factory: {
      kind: orElse({ ...callback, type: 'StorageFactory' } as Kind<Settings['storage']['factory']>, 'files'),
      default: 'files',
      about: 'Where the bytes of a torrent go: a function that makes its backend, or files below `path`.',
      reason: 'what people expect of a download',
      takes: 'for torrents added later',
    },
    metadataCache: {
      kind: orElse(text, false),
      default: false,
      about:
        'Folder in which the metadata of magnets is kept as torrent files, so that a magnet added again needs no peer to tell what it is.',
      reason: 'no file appears that nobody asked for',
      takes: 'for torrents added later',
    },
  },
  client: {
    name: {
      kind: text,
      default: `rarest/${VERSION}`,
      defaultWords: '`rarest/<version>`',
      about: 'Name sent to peers (BEP 10).',
      reason: 'others can tell which program misbehaves',
      takes: 'at once',
      formerly: 'clientName',
    },
    seedChoking: {
      kind: oneOf(['round-robin', 'fastest', 'anti-leech'], 'SeedChoking'),
      default: 'round-robin',
      about:
        'How a complete torrent gives its slots away: to each peer in turn, for the same time (`round-robin`), to those that take fastest (`fastest`), or first to peers at the beginning and the end of their download (`anti-leech`).',
      reason: 'nobody starves, and nobody gains by reconnecting; as libtorrent',
      takes: 'at once',
    },
  },
}
