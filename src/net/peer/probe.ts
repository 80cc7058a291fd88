/**
 * Asks one peer who it is: both handshakes, then goodbye.
 * @module
 */

import { type InfoHash, swarmKey } from '../../metainfo/infohash.js'
import { parseAddress, parseEndpoint } from '../../util/address.js'
import { abortable, Deferred } from '../../util/async/deferred.js'
import { toHex } from '../../util/bytes.js'
import { type ErrorCode, RarestError } from '../../util/errors.js'
import { encodeExtensionHandshake } from '../../wire/extension.js'
import { type Support, supports } from '../../wire/handshake.js'
import type { CryptoMethod } from '../../wire/mse/mse.js'
import { type ExtensionHandshake, Peer } from '../../wire/peer.js'
import { clientName, makePeerId } from '../../wire/peer-id.js'
import { Scheduler } from '../scheduler.js'
import { systemWorld } from '../system/world.js'
import type { ByteStream, World } from '../world.js'
import { attempts, type EncryptionPolicy, methodsOf } from './encryption.js'
import { type Greeting, shakeHands } from './handshake.js'
import { Link } from './link.js'

export interface ProbeOptions {
  /** Policy for the connection. Default `enabled`: plain, and encrypted when that is cut off. */
  readonly encryption?: EncryptionPolicy
  /** ms for the whole of it. Default 15,000. */
  readonly timeout?: number
  readonly signal?: AbortSignal
  /** Default: this machine's sockets. */
  readonly world?: World
}

/** What a peer said. */
export interface PeerProbe {
  /** The infohash that the connection speaks, 40 hex digits. */
  readonly infoHash: string
  /** 20 bytes. */
  readonly peerId: Uint8Array
  /** Client name from its extension handshake or its peer id. */
  readonly client: string | undefined
  /** 8 bytes. */
  readonly reserved: Uint8Array
  readonly supports: Support
  /** `rc4`, `plaintext` after an encrypted handshake, or undefined when all of it was plain. */
  readonly encryption: CryptoMethod | undefined
  /** Its extension handshake (BEP 10), unless it has none or sent none in time. */
  readonly extension: ExtensionHandshake | undefined
}

/** ms that a peer has for its extension handshake after the first one. */
const EXTENSION_WAIT = 5_000

/**
 * Connects to `peer`, `host:port` or `[v6]:port`, shakes hands for `infoHash` and closes. Rejects with a
 * code: of the system (`ECONNREFUSED`), `wire/...`, `mse/...`, or the signal's reason; with TypeError or RangeError
 * for a wrong peer or infohash.
 */
export async function probePeer(
  peer: string,
  infoHash: InfoHash,
  options: ProbeOptions = {},
): Promise<PeerProbe> {
  const key = swarmKey('infoHash', infoHash)
  const { host, port } = parseEndpoint(peer)
  const { signal } = options
  const world = options.world ?? systemWorld()
  const scheduler = new Scheduler(world)
  const timeout = options.timeout ?? 15_000
  const deadline = world.now() + timeout
  try {
    const [name] = parseAddress(host, port) ? [host] : await world.lookup(host, { timeout })
    const address = parseAddress(name ?? '', port)
    if (!address) throw new RarestError('net/not-found', `${host} has no address`)
    const policy = options.encryption ?? 'enabled'
    let failure: unknown
    for (const encrypted of attempts(policy, false)) {
      const left = deadline - world.now()
      if (left <= 0) break
      const stream = await world.connect(address, { timeout: left, ...(signal ? { signal } : {}) })
      const met = new Deferred<PeerProbe>()
      const security = { random: world.random, methods: methodsOf(policy, 'both') }
      shakeHands(stream, {
        scheduler,
        deadline,
        ours: { infoHash: key, peerId: makePeerId(world.random) },
        ...(encrypted ? { security } : {}),
        done: (greeting, rest, _ours, opened) => listen(world, scheduler, opened, greeting, rest, met),
        failed: (code) => met.reject(new RarestError(code as ErrorCode, `the handshake with ${peer} failed`)),
      })
      try {
        return await abortable(met.promise, signal)
      } catch (error) {
        stream.destroy()
        if (signal?.aborted) throw error
        failure = error
      }
    }
    throw failure ?? new RarestError('wire/handshake-timeout', `${peer} did not answer in time`)
  } finally {
    scheduler.close()
  }
}

/** Waits for the extension handshake of a peer that announces one. */
function listen(
  world: World,
  scheduler: Scheduler,
  stream: ByteStream,
  greeting: Greeting,
  rest: Uint8Array,
  met: Deferred<PeerProbe>,
): void {
  const support = supports(greeting.reserved)
  const peer = new Peer({
    layout: undefined,
    fast: support.fast,
    extended: support.extended,
    dht: false,
    maxRequests: 0,
    place: () => undefined,
    now: world.now(),
  })
  const finish = () => {
    wait.cancel()
    const { infoHash, peerId, reserved, encryption } = greeting
    const { extension } = peer
    const client = extension?.client ?? clientName(peerId)
    met.resolve({
      infoHash: toHex(infoHash),
      peerId,
      client,
      reserved,
      supports: support,
      encryption,
      extension,
    })
    link.end('probe/done', 'all is said')
  }
  const wait = world.setTimer(support.extended ? EXTENSION_WAIT : 0, finish)
  const link = new Link({ world, scheduler }, stream, peer, {
    event: (_link, event) => {
      if (event.type === 'extension-handshake') finish()
    },
    delivered: () => {},
    sent: () => {},
    drained: () => {},
    discarded: () => {},
    closed: finish,
  })
  if (support.extended) peer.start(undefined, encodeExtensionHandshake({ extensions: {} }), world.now())
  else peer.start(undefined, undefined, world.now())
  link.open(rest)
}
