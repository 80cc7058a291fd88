/**
 * One DHT node of one address family, sans-IO: datagrams in, datagrams out (BEP 5, 32, 33, 42 .. 44, 51).
 * Call `receive` and `timeout`; drain `transmit` and `poll` after every call.
 *
 * - `server.ts` and `query-handlers.ts` answer queries;
 * - `traversals.ts`, `traversal.ts` and `lookup.ts` are look-ups; `query-sender.ts` and `rpc.ts` their queries in flight;
 * - `upkeep.ts` keeps the table: bootstrap, refresh, checks of newcomers;
 * - `outbox.ts` holds what the caller is to take.
 * @module
 */

import { type Address, ipFromBytes, ipToBytes } from '../util/address.js'
import { isLocalIp } from '../util/locality.js'
import type { Random } from '../util/random.js'
import { ItemStore } from './item-store.js'
import { type Item, itemTarget, type Signatures } from './items.js'
import { decodeLent } from './krpc/decode.js'
import type { KrpcMessage, KrpcReply, Want } from './krpc/krpc.js'
import type {
  Datagram,
  DhtEvent,
  DhtNodeOptions,
  DhtState,
  DhtStats,
  GetOptions,
  GetPeersOptions,
  LookupId,
  LookupStats,
  PutOptions,
} from './node-types.js'
import { Outbox } from './outbox.js'
import { PeerStore } from './peer-store.js'
import { type Purpose, QuerySender } from './query-sender.js'
import { RateLimiter } from './rate-limiter.js'
import { Rpc } from './rpc.js'
import { Server } from './server.js'
import { endpointLength, isUsableEndpoint, readAddress, writeEndpoint } from './table/endpoint.js'
import { ExternalAddress } from './table/external-address.js'
import { K } from './table/node-entry.js'
import { isEntitled, makeNodeId, sharedBits } from './table/node-id.js'
import { RoutingTable } from './table/routing-table.js'
import { Upkeep } from './table/upkeep.js'
import { Tokens } from './tokens.js'
import { infoOf } from './traversal.js'
import { Traversals } from './traversals.js'

/** Longer datagrams are no messages of this protocol. */
const LONGEST_DATAGRAM = 4_096
export class DhtNode {
  readonly family: 4 | 6
  private readonly random: Random
  private readonly signatures: Signatures | undefined
  private readonly table: RoutingTable
  private readonly peers: PeerStore
  private readonly items: ItemStore
  private readonly external: ExternalAddress
  private readonly upkeep: Upkeep
  private readonly rpc: Rpc<Purpose>
  private readonly outbox = new Outbox()
  private readonly querySender: QuerySender
  private readonly server: Server
  private readonly traversals: Traversals
  /** Compact endpoint that the datagram at hand came from. */
  private readonly sender: Uint8Array
  private sibling: DhtNode | undefined
  private externalIp: Uint8Array | undefined
  private repliesIn = 0
  private errorsIn = 0
  private timeouts = 0
  private dropped = 0
  private bytesIn = 0

  /** Throws RangeError for an id that is not 20 bytes and an `externalIp` of another family. */
  constructor(options: DhtNodeOptions) {
    const { family, random, now, signatures, rateLimits, readOnly = false, version } = options
    this.family = family
    this.random = random
    this.signatures = signatures
    if (options.externalIp !== undefined) this.externalIp = ipOf(options.externalIp, family)
    const id =
      options.id?.slice() ?? makeNodeId(this.externalIp ?? random.bytes(family === 4 ? 4 : 16), random)
    if (id.length !== 20) throw new RangeError(`id must be 20 bytes, got ${id.length}`)
    const table = new RoutingTable(id, options.bucketSizes)
    const tokens = new Tokens(random, now)
    const peers = new PeerStore(random, now, {
      ...(options.maxInfoHashes !== undefined && { maxTorrents: options.maxInfoHashes }),
      ...(options.maxPeersPerInfoHash !== undefined && { maxPeers: options.maxPeersPerInfoHash }),
    })
    const items = new ItemStore(signatures, random, {
      closeness: (target) => sharedBits(target, table.id),
      ...(options.maxItems !== undefined && { maxItems: options.maxItems }),
    })
    const limiter = rateLimits === false ? undefined : new RateLimiter(rateLimits ?? {}, random, now)
    const { outbox } = this
    this.table = table
    this.peers = peers
    this.items = items
    this.external = new ExternalAddress(family)
    this.rpc = new Rpc(random)
    this.sender = new Uint8Array(endpointLength(family))
    this.upkeep = new Upkeep(table, random, family, now)
    this.querySender = new QuerySender({ table, rpc: this.rpc, outbox }, { family, readOnly, version })
    const context = { family, table, tokens, peers, items, version, sibling: undefined }
    this.server = new Server({ querySender: this.querySender, outbox, limiter }, context, readOnly)
    const parts = { table, upkeep: this.upkeep, querySender: this.querySender, outbox }
    this.traversals = new Traversals(parts, family, this.sender, () => this.wanted())
    for (const { id: nodeId, address } of options.nodes ?? []) this.upkeep.restore(nodeId, address)
  }

  /** 20 bytes; changes when others agree on another address of ours (BEP 42). */
  get id(): Uint8Array {
    return this.table.id
  }

  /** Our IP as the options or enough other nodes say (BEP 42). */
  get externalAddress(): string | undefined {
    return this.externalIp && ipFromBytes(this.externalIp)
  }

  /** Takes in a datagram. The bytes are not kept. */
  receive(bytes: Uint8Array, from: Address, now: number): void {
    this.bytesIn += bytes.length
    if (bytes.length > LONGEST_DATAGRAM || !writeEndpoint(from, this.sender)) {
      this.dropped++
      return
    }
    const decoded = decodeLent(bytes)
    if (!decoded.ok) {
      this.dropped++
      return
    }
    const message = decoded.value
    if (message.type === 'query' || message.type === 'bad-query') this.query(message, bytes.length, from, now)
    else this.reply(message, from, now)
  }

  timeout(now: number): void {
    for (let due = this.rpc.due(now); due; due = this.rpc.due(now)) {
      const { pending, state } = due
      const { purpose } = pending
      if (state === 'slow') {
        if (purpose.kind === 'search' && purpose.candidate.state === 'asked') purpose.candidate.state = 'slow'
        if (purpose.kind === 'search') this.traversals.advance(purpose.traversal, now)
      } else {
        this.timeouts++
        this.unanswered(purpose, pending.endpoint, now)
      }
    }
    if (now >= this.upkeep.nextSweep) {
      this.upkeep.swept(now)
      this.peers.expire(now)
      this.items.expire(now)
    }
    this.traversals.maintain(now)
  }

  nextTimeout(): number {
    return Math.min(this.rpc.nextTimeout(), this.upkeep.nextTimeout())
  }

  /** The next datagram to send; its bytes stay unchanged. */
  transmit(_now: number): Datagram | undefined {
    return this.outbox.transmit()
  }

  poll(): DhtEvent | undefined {
    return this.outbox.poll()
  }

  /** A node of which only the address is known (torrent `nodes`, PORT message): asked, and kept if it answers. */
  addNode(address: Address, now: number): void {
    const endpoint = this.endpointOf(address)
    if (!endpoint || !isUsableEndpoint(endpoint, true)) return
    this.upkeep.suggest(endpoint, undefined)
    this.traversals.maintain(now)
  }

  /** A bootstrap router: asked while the table is too small, and never kept in it. */
  addRouter(address: Address, now: number): void {
    const endpoint = this.endpointOf(address)
    if (!endpoint || !isUsableEndpoint(endpoint, true)) return
    this.upkeep.addRouter(endpoint)
    this.traversals.maintain(now)
  }

  /** The node of the other family on this host: each tells the other's nodes to askers that want them (BEP 32). */
  join(sibling: DhtNode): void {
    if (sibling.family === this.family) throw new RangeError('sibling must be of the other family')
    this.sibling = sibling
    this.server.context = { ...this.server.context, sibling: sibling.table }
    if (sibling.sibling !== this) sibling.join(this)
  }

  ping(address: Address, now: number): LookupId {
    const traversal = this.traversals.begin({ kind: 'ping' }, this.id, now)
    const endpoint = this.endpointOf(address)
    if (endpoint && isUsableEndpoint(endpoint, true)) {
      const query = traversal.question(this.querySender.base(), undefined)
      if (this.querySender.send(query, endpoint, { kind: 'ping', traversal }, now)) traversal.inFlight++
    }
    this.traversals.advance(traversal, now)
    return traversal.id
  }

  findNode(target: Uint8Array, now: number): LookupId {
    return this.traversals.start({ kind: 'find', inner: undefined }, target, now).id
  }

  getPeers(infoHash: Uint8Array, options: GetPeersOptions, now: number): LookupId {
    return this.traversals.start({ kind: 'peers', options }, infoHash, now).id
  }

  /** Reads an item: `item` events, each authentic. */
  get(target: Uint8Array, options: GetOptions, now: number): LookupId {
    return this.traversals.start({ kind: 'get', options }, target, now).id
  }

  /** Stores an item, complete with its signature, on the nodes nearest to its target. */
  put(item: Item, options: PutOptions, now: number): LookupId {
    return this.traversals.start({ kind: 'put', item, options }, itemTarget(item), now).id
  }

  /** Asks every node on the way to `target` for infohashes: `samples` events (BEP 51). */
  sample(target: Uint8Array, now: number): LookupId {
    return this.traversals.start({ kind: 'sample' }, target, now).id
  }

  /** Ends a look-up; `done` with reason `aborted` follows. Unknown ones are ignored. */
  abort(lookup: LookupId, now: number): void {
    const traversal = this.traversals.get(lookup)
    if (traversal && !traversal.isInner) this.traversals.finish(traversal, 'aborted', now)
  }

  /** A look-up in numbers so far; undefined when it is over. */
  progress(lookup: LookupId, now: number): LookupStats | undefined {
    return this.traversals.get(lookup)?.stats(now)
  }

  /** What the next run begins with. */
  state(): DhtState {
    return {
      id: this.id.slice(),
      nodes: Array.from(this.table, (entry) => infoOf(entry.node, this.family)),
    }
  }

  stats(now: number): DhtStats {
    return {
      goodNodes: this.table.goodNodes(now),
      nodes: this.table.size,
      lookups: this.traversals.count,
      queriesIn: this.server.queries,
      queriesOut: this.querySender.queries,
      repliesIn: this.repliesIn,
      repliesOut: this.server.replies,
      errorsIn: this.errorsIn,
      timeouts: this.timeouts,
      dropped: this.dropped,
      bytesIn: this.bytesIn,
      bytesOut: this.outbox.bytes,
      infoHashes: this.peers.infoHashes,
      peers: this.peers.peerCount,
      items: this.items.size,
    }
  }

  /** Throws an Error when the node breaks its own rules: for tests. */
  checkInvariants(): void {
    this.table.checkInvariants()
    this.traversals.checkInvariants(this.rpc.size)
  }

  private query(
    query: Extract<KrpcMessage, { type: 'query' | 'bad-query' }>,
    length: number,
    from: Address,
    now: number,
  ): void {
    const { sender, server, table, upkeep } = this
    if (!server.admits(sender, from, now)) {
      this.dropped++
      return
    }
    const isKnown = query.type === 'query' && table.heard(query.id, sender, now)
    server.respond(query, length, sender, from, isKnown, now)
    if (query.type === 'query' && !isKnown && !query.readOnly && table.wants(query.id, sender))
      upkeep.suggest(sender, query.id)
    if (upkeep.canCheck) this.traversals.maintain(now)
  }

  private reply(
    message: Extract<KrpcMessage, { type: 'reply' | 'error' }>,
    from: Address,
    now: number,
  ): void {
    const endpoint = this.sender
    const pending = this.rpc.match(message.transactionId, endpoint)
    if (!pending) {
      this.dropped++
      return
    }
    const { purpose } = pending
    if (message.type === 'error') {
      this.errorsIn++
      if (purpose.kind === 'store')
        purpose.traversal.refusal ??= { code: message.code, message: message.message }
      this.finishQuery(purpose, now)
      return
    }
    this.repliesIn++
    const rtt = now - pending.sentAt
    // An address that is asked as a router stays one.
    if (purpose.kind !== 'router') this.table.answered(message.id, endpoint, rtt, now)
    if (message.ip) this.vote(message.ip, from.host, now)
    if (this.sibling) this.tellSibling(message)
    switch (purpose.kind) {
      case 'check':
        this.upkeep.learn(message, purpose.id, isLocalIp(endpoint, endpoint.length - 2), now)
        break
      case 'proof':
        this.server.send(purpose.bytes, pending.to, now)
        break
      case 'ping': {
        const { traversal } = purpose
        traversal.responded++
        traversal.rounds = 1
        const node = { id: message.id.slice(), address: readAddress(endpoint, 0, this.family) }
        this.outbox.emit({ type: 'pong', lookup: traversal.id, from: node, rtt })
        break
      }
      case 'router':
        purpose.traversal.responded++
        purpose.traversal.addNodes(message, this.family, 1)
        break
      case 'store':
        purpose.traversal.stored++
        break
      case 'search': {
        const { traversal, candidate } = purpose
        if (message.samples) this.traversals.samples.onSamples(endpoint, message.interval ?? 0, now)
        if (traversal.phase !== 'search') break
        // Another id than the one it was told under: whatever it says, it is not that near.
        if (sharedBits(message.id, candidate.node) !== 160) break
        traversal.onReply(candidate, message, this.family, this.signatures, (event) =>
          this.outbox.emit(event),
        )
      }
    }
    this.finishQuery(purpose, now)
  }

  private unanswered(purpose: Purpose, endpoint: Uint8Array, now: number): void {
    if (purpose.kind === 'search' || purpose.kind === 'store') {
      this.table.failed(purpose.candidate.node.subarray(0, 20), endpoint)
      purpose.traversal.timedOut++
    } else if (purpose.kind === 'check') {
      if (purpose.id) this.table.failed(purpose.id, endpoint)
    } else if (purpose.kind !== 'proof') purpose.traversal.timedOut++
    this.finishQuery(purpose, now)
  }

  /** A query of a look-up is over, one way or another. */
  private finishQuery(purpose: Purpose, now: number): void {
    if (purpose.kind === 'check') {
      this.upkeep.checked()
      this.traversals.maintain(now)
      return
    }
    if (purpose.kind === 'proof') {
      this.server.proofs--
      return
    }
    const { traversal } = purpose
    if (purpose.kind === 'router') traversal.routers--
    else if (purpose.kind !== 'search') traversal.inFlight--
    else if (purpose.candidate.state !== 'answered') purpose.candidate.state = 'failed'
    this.traversals.advance(traversal, now)
  }

  /** BEP 42: others tell what they see us as; when enough agree on something new, our id follows. */
  private vote(compact: Uint8Array, voter: string, now: number): void {
    const ip = compact.subarray(0, compact.length === 6 || compact.length === 18 ? -2 : compact.length)
    if (!this.external.vote(ip, voter, now)) return
    const address = this.external.address
    const agreed = address === undefined ? undefined : ipToBytes(address)
    if (address === undefined || !agreed) return
    this.externalIp = agreed
    if (!isEntitled(this.id, agreed)) {
      this.table.changeId(makeNodeId(agreed, this.random))
      this.upkeep.restart(now)
    }
    this.outbox.emit({ type: 'external-address', address, id: this.id.slice() })
  }

  /** Nodes of the other family go to the node that can use them, as long as it knows few. */
  private tellSibling(reply: KrpcReply): void {
    const { sibling } = this
    const nodes = this.family === 4 ? reply.nodes6 : reply.nodes
    if (!sibling || !nodes || sibling.table.size >= K) return
    const size = this.family === 4 ? 38 : 26
    const local = isLocalIp(this.sender, this.sender.length - 2)
    for (let at = 0; at < Math.min(nodes.length, K * size); at += size) {
      const endpoint = nodes.slice(at + 20, at + size)
      if (isUsableEndpoint(endpoint, local)) sibling.upkeep.suggest(endpoint, undefined)
    }
  }

  /** BEP 32: both families while one of them knows too few. */
  private wanted(): Want | undefined {
    return this.sibling && this.sibling.table.size < K ? [4, 6] : undefined
  }

  private endpointOf(address: Address): Uint8Array | undefined {
    const endpoint = new Uint8Array(endpointLength(this.family))
    return address.port > 0 && writeEndpoint(address, endpoint) ? endpoint : undefined
  }
}

function ipOf(text: string, family: 4 | 6): Uint8Array {
  const ip = ipToBytes(text)
  if (ip?.length !== (family === 4 ? 4 : 16))
    throw new RangeError(`externalIp must be an IPv${family} address, got ${text}`)
  return ip
}
