/**
 * One DHT node of one address family, sans-IO: datagrams in, datagrams out (BEP 5, 32, 33, 42 .. 44, 51).
 * Call `receive` and `timeout`; drain `transmit` and `poll` after every call.
 *
 * - `upkeep.ts` keeps the table: bootstrap, refresh, checks of newcomers;
 * - `answers.ts` answers queries, `rate-limiter.ts` says which, and how long an answer may be;
 * - `task.ts` and `lookup.ts` are look-ups; `rpc.ts` their queries in flight.
 * @module
 */

import { type Address, ipFromBytes, ipToBytes } from '../util/address.js'
import { isLocalIp } from '../util/locality.js'
import type { Random } from '../util/random.js'
import { answer, type Holdings, refuse } from './answers.js'
import { K } from './contact.js'
import { endpointLength, isUsableEndpoint, readAddress, writeEndpoint } from './endpoint.js'
import { ExternalAddress } from './external-address.js'
import { ItemStore } from './item-store.js'
import { type Item, itemTarget, type Signatures } from './items.js'
import { encodeQuery, type KrpcMessage, type KrpcQuery, type KrpcReply, type Want } from './krpc.js'
import { decodeLent } from './krpc-decode.js'
import type { Candidate } from './lookup.js'
import { isEntitled, makeNodeId, sharedBits } from './node-id.js'
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
import { PeerStore } from './peer-store.js'
import { RateLimiter, UNVERIFIED_FACTOR } from './rate-limiter.js'
import { RoutingTable } from './routing-table.js'
import { Rpc } from './rpc.js'
import { Sampled } from './sampled.js'
import { type Aim, infoOf, type QueryBase, Task } from './task.js'
import { Tokens } from './tokens.js'
import { Upkeep } from './upkeep.js'

/** Longer datagrams are no messages of this protocol. */
const LONGEST_DATAGRAM = 4_096
/** Events kept for the caller. */
const MOST_EVENTS = 10_000
/** Answers that wait for the proof that they are asked for: at most 5 s and 100 KB. */
const MOST_PROOFS = 64

/** What a query in flight was for. */
type Purpose =
  | { readonly kind: 'search'; readonly task: Task; readonly candidate: Candidate }
  | { readonly kind: 'router'; readonly task: Task }
  | { readonly kind: 'store'; readonly task: Task; readonly candidate: Candidate }
  | { readonly kind: 'ping'; readonly task: Task }
  /** Upkeep: is the node there, and what does it know? */
  | { readonly kind: 'check'; readonly id: Uint8Array | undefined }
  /** Does who asked receive what we send? Then it gets these. */
  | { readonly kind: 'proof'; readonly bytes: Uint8Array }

export class DhtNode {
  readonly family: 4 | 6
  private readonly random: Random
  private readonly readOnly: boolean
  private readonly signatures: Signatures | undefined
  private readonly version: Uint8Array | undefined
  private readonly table: RoutingTable
  private readonly tokens: Tokens
  private readonly peers: PeerStore
  private readonly items: ItemStore
  private readonly limiter: RateLimiter | undefined
  private readonly external: ExternalAddress
  private readonly upkeep: Upkeep
  private readonly rpc: Rpc<Purpose>
  private readonly sampled = new Sampled()
  private readonly tasks = new Map<LookupId, Task>()
  private readonly asker: { host: string; port: number; endpoint: Uint8Array }
  private holdings: Holdings
  private sibling: DhtNode | undefined
  private proofs = 0
  private externalIp: Uint8Array | undefined
  private nextLookup = 1
  private readonly out: Datagram[] = []
  private outAt = 0
  private readonly events: DhtEvent[] = []
  private eventsAt = 0
  private queriesIn = 0
  private queriesOut = 0
  private repliesIn = 0
  private repliesOut = 0
  private errorsIn = 0
  private timeouts = 0
  private dropped = 0
  private bytesIn = 0
  private bytesOut = 0

  /** Throws RangeError for an id that is not 20 bytes and an `externalIp` of another family. */
  constructor(options: DhtNodeOptions) {
    const { family, random, now, signatures, rateLimits } = options
    this.family = family
    this.random = random
    this.readOnly = options.readOnly ?? false
    this.signatures = signatures
    this.version = options.version
    if (options.externalIp !== undefined) this.externalIp = ipOf(options.externalIp, family)
    const id =
      options.id?.slice() ?? makeNodeId(this.externalIp ?? random.bytes(family === 4 ? 4 : 16), random)
    if (id.length !== 20) throw new RangeError(`id must be 20 bytes, got ${id.length}`)
    this.table = new RoutingTable(id, options.bucketSizes)
    this.tokens = new Tokens(random, now)
    this.peers = new PeerStore(random, now, {
      ...(options.maxInfoHashes !== undefined && { maxTorrents: options.maxInfoHashes }),
      ...(options.maxPeersPerInfoHash !== undefined && { maxPeers: options.maxPeersPerInfoHash }),
    })
    this.items = new ItemStore(signatures, random, {
      closeness: (target) => sharedBits(target, this.table.id),
      ...(options.maxItems !== undefined && { maxItems: options.maxItems }),
    })
    this.limiter = rateLimits === false ? undefined : new RateLimiter(rateLimits ?? {}, random, now)
    this.external = new ExternalAddress(family)
    this.rpc = new Rpc(random)
    this.asker = { host: '', port: 0, endpoint: new Uint8Array(endpointLength(family)) }
    this.holdings = this.makeHoldings()
    this.upkeep = new Upkeep(this.table, random, family, now)
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
    const { asker } = this
    if (bytes.length > LONGEST_DATAGRAM || !writeEndpoint(from, asker.endpoint)) {
      this.dropped++
      return
    }
    asker.host = from.host
    asker.port = from.port
    const decoded = decodeLent(bytes)
    if (!decoded.ok) {
      this.dropped++
      return
    }
    const message = decoded.value
    if (message.type === 'query' || message.type === 'bad-query') this.query(message, bytes.length, from, now)
    else this.reply(message, now)
  }

  timeout(now: number): void {
    for (let due = this.rpc.due(now); due; due = this.rpc.due(now)) {
      const { pending, state } = due
      const { purpose } = pending
      if (state === 'slow') {
        if (purpose.kind === 'search' && purpose.candidate.state === 'asked') purpose.candidate.state = 'slow'
        if (purpose.kind === 'search') this.advance(purpose.task, now)
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
    this.maintain(now)
  }

  nextTimeout(): number {
    return Math.min(this.rpc.nextTimeout(), this.upkeep.nextTimeout())
  }

  /** The next datagram to send; its bytes stay unchanged. */
  transmit(_now: number): Datagram | undefined {
    if (this.outAt === this.out.length) {
      if (this.outAt > 0) {
        this.out.length = 0
        this.outAt = 0
      }
      return undefined
    }
    return this.out[this.outAt++]
  }

  poll(): DhtEvent | undefined {
    if (this.eventsAt === this.events.length) {
      if (this.eventsAt > 0) {
        this.events.length = 0
        this.eventsAt = 0
      }
      return undefined
    }
    return this.events[this.eventsAt++]
  }

  /** A node of which only the address is known (torrent `nodes`, PORT message): asked, and kept if it answers. */
  addNode(address: Address, now: number): void {
    const endpoint = this.endpointOf(address)
    if (!endpoint || !isUsableEndpoint(endpoint, true)) return
    this.upkeep.suggest(endpoint, undefined)
    this.maintain(now)
  }

  /** A bootstrap router: asked while the table is too small, and never kept in it. */
  addRouter(address: Address, now: number): void {
    const endpoint = this.endpointOf(address)
    if (!endpoint || !isUsableEndpoint(endpoint, true)) return
    this.upkeep.addRouter(endpoint)
    this.maintain(now)
  }

  /** The node of the other family on this host: each tells the other's nodes to who wants them (BEP 32). */
  join(sibling: DhtNode): void {
    if (sibling.family === this.family) throw new RangeError('sibling must be of the other family')
    this.sibling = sibling
    this.holdings = this.makeHoldings()
    if (sibling.sibling !== this) sibling.join(this)
  }

  ping(address: Address, now: number): LookupId {
    const task = this.task({ kind: 'ping' }, this.id, now)
    const endpoint = this.endpointOf(address)
    if (endpoint && isUsableEndpoint(endpoint, true)) {
      const query = task.question(this.base(), undefined)
      if (this.ask(query, endpoint, { kind: 'ping', task }, now)) task.flying++
    }
    this.advance(task, now)
    return task.id
  }

  findNode(target: Uint8Array, now: number): LookupId {
    return this.search({ kind: 'find', inner: undefined }, target, now)
  }

  getPeers(infoHash: Uint8Array, options: GetPeersOptions, now: number): LookupId {
    return this.search({ kind: 'peers', options }, infoHash, now)
  }

  /** Reads an item: `item` events, each authentic. */
  get(target: Uint8Array, options: GetOptions, now: number): LookupId {
    return this.search({ kind: 'get', options }, target, now)
  }

  /** Stores an item, complete with its signature, on the nodes nearest to its target. */
  put(item: Item, options: PutOptions, now: number): LookupId {
    return this.search({ kind: 'put', item, options }, itemTarget(item), now)
  }

  /** Asks every node on the way to `target` for infohashes: `samples` events (BEP 51). */
  sample(target: Uint8Array, now: number): LookupId {
    return this.search({ kind: 'sample' }, target, now)
  }

  /** Ends a look-up; `done` with reason `aborted` follows. Unknown ones are ignored. */
  abort(lookup: LookupId, now: number): void {
    const task = this.tasks.get(lookup)
    if (task && !task.isInner) this.finish(task, 'aborted', now)
  }

  /** A look-up in numbers so far; undefined when it is over. */
  progress(lookup: LookupId, now: number): LookupStats | undefined {
    return this.tasks.get(lookup)?.stats(now)
  }

  /** What the next run begins with. */
  state(): DhtState {
    return {
      id: this.id.slice(),
      nodes: Array.from(this.table, (contact) => infoOf(contact.node, this.family)),
    }
  }

  stats(now: number): DhtStats {
    let lookups = 0
    for (const task of this.tasks.values()) if (!task.isInner) lookups++
    return {
      goodNodes: this.table.goodNodes(now),
      nodes: this.table.size,
      lookups,
      queriesIn: this.queriesIn,
      queriesOut: this.queriesOut,
      repliesIn: this.repliesIn,
      repliesOut: this.repliesOut,
      errorsIn: this.errorsIn,
      timeouts: this.timeouts,
      dropped: this.dropped,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
      infoHashes: this.peers.infoHashes,
      peers: this.peers.peerCount,
      items: this.items.size,
    }
  }

  /** Throws an Error when the node breaks its own rules: for tests. */
  checkInvariants(): void {
    this.table.checkInvariants()
    let flying = 0
    for (const task of this.tasks.values()) {
      if (task.phase === 'done') throw new Error('a finished look-up is kept')
      if (task.flying < 0) throw new Error('a look-up waits for less than nothing')
      flying += task.flying
    }
    if (flying > this.rpc.size) throw new Error('a look-up waits for queries that are over')
  }

  private query(
    query: Extract<KrpcMessage, { type: 'query' | 'bad-query' }>,
    length: number,
    from: Address,
    now: number,
  ): void {
    this.queriesIn++
    const { asker } = this
    const { endpoint } = asker
    // A reply to multicast or broadcast would be an attack of ours.
    if (this.readOnly || !isUsableEndpoint(endpoint, true) || this.limiter?.admit(from, now) === false) {
      this.dropped++
      return
    }
    const isKnown = query.type === 'query' && this.table.heard(query.id, endpoint, now)
    const { limiter } = this
    const limit = limiter?.allowance(from, length, true, now) ?? Number.POSITIVE_INFINITY
    // Both ways with their headers: that is what a forged source costs its owner.
    const header = this.family === 4 ? 28 : 48
    const worth = isKnown || !limiter ? limit : UNVERIFIED_FACTOR * (length + header) - header
    let bytes = this.answerTo(query, limit, now)
    if (bytes && bytes.length > worth)
      bytes = this.prove(query, bytes, now) ? undefined : this.answerTo(query, Math.min(limit, worth), now)
    if (bytes) this.respond(bytes, from, now)
    if (query.type === 'query' && !isKnown && !query.readOnly && this.table.wants(query.id, endpoint))
      this.upkeep.suggest(endpoint, query.id)
    if (this.upkeep.hasSuggestions) this.maintain(now)
  }

  private answerTo(
    query: Extract<KrpcMessage, { type: 'query' | 'bad-query' }>,
    limit: number,
    now: number,
  ): Uint8Array | undefined {
    const { asker, holdings } = this
    if (query.type === 'query') return answer(query, asker, holdings, limit, now)
    const bytes = refuse(query, asker, holdings, query.code, query.message)
    return bytes.length <= limit ? bytes : undefined
  }

  private respond(bytes: Uint8Array, to: Address, now: number): void {
    this.limiter?.sent(to, bytes.length, now)
    this.repliesOut++
    this.send(bytes, to)
  }

  /**
   * Keeps an answer that is worth much more than its query until its receiver has answered a ping: so a
   * forged source gets no more than that. False when it cannot be asked.
   */
  private prove(
    query: { readonly type: string; readonly readOnly?: boolean },
    bytes: Uint8Array,
    now: number,
  ): boolean {
    if (query.type !== 'query' || query.readOnly || this.proofs >= MOST_PROOFS) return false
    const ping = { ...this.base(), method: 'ping' } as const
    if (!this.ask(ping, this.asker.endpoint, { kind: 'proof', bytes }, now)) return false
    this.proofs++
    return true
  }

  private reply(message: Extract<KrpcMessage, { type: 'reply' | 'error' }>, now: number): void {
    const { endpoint, host } = this.asker
    const pending = this.rpc.match(message.transactionId, endpoint)
    if (!pending) {
      this.dropped++
      return
    }
    const { purpose } = pending
    if (message.type === 'error') {
      this.errorsIn++
      if (purpose.kind === 'store') purpose.task.refusal ??= { code: message.code, message: message.message }
      this.settle(purpose, now)
      return
    }
    this.repliesIn++
    const rtt = now - pending.sentAt
    // An address that is asked as a router stays one.
    if (purpose.kind !== 'router') this.table.answered(message.id, endpoint, rtt, now)
    if (message.ip) this.vote(message.ip, host, now)
    if (this.sibling) this.tellSibling(message)
    switch (purpose.kind) {
      case 'check':
        this.upkeep.learn(message, purpose.id, isLocalIp(endpoint.subarray(0, -2)), now)
        break
      case 'proof':
        this.respond(purpose.bytes, pending.to, now)
        break
      case 'ping': {
        const { task } = purpose
        task.responded++
        task.rounds = 1
        const from = { id: message.id.slice(), address: readAddress(endpoint, 0, this.family) }
        this.emit({ type: 'pong', lookup: task.id, from, rtt })
        break
      }
      case 'router':
        purpose.task.responded++
        purpose.task.told(message, this.family, 1)
        break
      case 'store':
        purpose.task.stored++
        break
      case 'search': {
        const { task, candidate } = purpose
        if (message.samples) this.sampled.told(endpoint, message.interval ?? 0, now)
        if (task.phase !== 'search') break
        // Another id than the one it was told under: whatever it says, it is not that near.
        if (sharedBits(message.id, candidate.node) !== 160) break
        task.answered(candidate, message, this.family, this.signatures, (event) => this.emit(event))
      }
    }
    this.settle(purpose, now)
  }

  private unanswered(purpose: Purpose, endpoint: Uint8Array, now: number): void {
    if (purpose.kind === 'search' || purpose.kind === 'store') {
      this.table.failed(purpose.candidate.node.subarray(0, 20), endpoint)
      purpose.task.timedOut++
    } else if (purpose.kind === 'check') {
      if (purpose.id) this.table.failed(purpose.id, endpoint)
    } else if (purpose.kind !== 'proof') purpose.task.timedOut++
    this.settle(purpose, now)
  }

  /** A query of a look-up is over, one way or another. */
  private settle(purpose: Purpose, now: number): void {
    if (purpose.kind === 'check') {
      this.upkeep.checked()
      this.maintain(now)
      return
    }
    if (purpose.kind === 'proof') {
      this.proofs--
      return
    }
    const { task } = purpose
    if (purpose.kind === 'router') task.routers--
    else if (purpose.kind !== 'search') task.flying--
    else if (purpose.candidate.state !== 'answered') purpose.candidate.state = 'failed'
    this.advance(task, now)
  }

  private search(aim: Aim, target: Uint8Array, now: number): LookupId {
    if (target.length !== 20) throw new RangeError(`target must be 20 bytes, got ${target.length}`)
    const task = this.task(aim, target.slice(), now)
    for (const contact of this.table.closest(target, 2 * K)) task.candidates.add(contact.node, 1)
    // A fresh table may be full of whoever was first to ask us: routers are asked besides.
    if (this.table.size < K || (aim.kind === 'find' && aim.inner === 'bootstrap')) {
      const query = task.question(this.base(), this.wanted())
      for (const node of this.upkeep.restored) task.candidates.add(node, 1)
      for (const endpoint of this.upkeep.routers) {
        if (!this.ask(query, endpoint, { kind: 'router', task }, now)) continue
        task.routers++
      }
    }
    this.advance(task, now)
    return task.id
  }

  private task(aim: Aim, target: Uint8Array, now: number): Task {
    const task = new Task(this.nextLookup++, aim, target, now)
    task.suggest = (node, round) => {
      if (this.isCandidate(node)) task.candidates.add(node, round)
    }
    this.tasks.set(task.id, task)
    return task
  }

  /** False for ourselves, and for addresses that the node which told them cannot know. */
  private isCandidate(node: Uint8Array): boolean {
    const endpoint = node.subarray(20)
    if (!isUsableEndpoint(endpoint, isLocalIp(this.asker.endpoint.subarray(0, -2)))) return false
    return sharedBits(node, this.id) !== 160
  }

  /** Asks whom the task has to ask next, or goes on to its next phase. */
  private advance(task: Task, now: number): void {
    if (task.phase === 'done') {
      if (this.tasks.has(task.id)) this.finish(task, 'complete', now)
      return
    }
    if (task.phase === 'search') {
      if (task.aim.kind !== 'ping') {
        let query: KrpcQuery | undefined
        for (let next = task.candidates.next(); next; next = task.candidates.next()) {
          const endpoint = next.node.subarray(20)
          const purpose = { kind: 'search', task, candidate: next } as const
          let asked: KrpcQuery
          if (task.aim.kind === 'sample' && this.sampled.rests(endpoint, now))
            asked = task.question(this.base(), this.wanted(), true)
          else asked = query ??= task.question(this.base(), this.wanted())
          if (!this.ask(asked, endpoint, purpose, now)) next.state = 'failed'
        }
      }
      const isFound =
        task.aim.kind === 'ping' ? task.flying === 0 : task.routers === 0 && task.candidates.isDone
      if (!isFound) return
      task.phase = 'store'
      for (const { candidate, query } of task.storeQueries(this.base()))
        if (this.ask(query, candidate.node.subarray(20), { kind: 'store', task, candidate }, now))
          task.flying++
    }
    if (task.flying === 0) this.finish(task, 'complete', now)
  }

  private finish(task: Task, reason: 'complete' | 'aborted', now: number): void {
    task.phase = 'done'
    this.tasks.delete(task.id)
    if (task.isInner) {
      const inner = task.aim.kind === 'find' ? task.aim.inner : undefined
      if (inner === 'bootstrap' && this.upkeep.bootstrapped(task.responded, now)) this.emit({ type: 'ready' })
      else if (inner === 'fill') this.upkeep.filled()
      this.maintain(now)
      return
    }
    const closest = task.candidates.nearest(K, false).map(({ node }) => infoOf(node, this.family))
    const refusal = task.stored === 0 ? task.refusal : undefined
    this.emit({ type: 'done', lookup: task.id, reason, stats: task.stats(now), closest, refusal })
  }

  /** Lets upkeep do what is due. */
  private maintain(now: number): void {
    for (let chore = this.upkeep.next(now); chore; chore = this.upkeep.next(now)) {
      if (chore.type === 'look-up') this.search({ kind: 'find', inner: chore.inner }, chore.target, now)
      else {
        const { endpoint, id, target } = chore
        const base = this.base()
        const want = this.wanted()
        const query: KrpcQuery = target
          ? { ...base, method: 'find_node', target, want }
          : { ...base, method: 'ping' }
        if (!this.ask(query, endpoint, { kind: 'check', id }, now)) this.upkeep.checked()
      }
    }
  }

  private ask(query: KrpcQuery, endpoint: Uint8Array, purpose: Purpose, now: number): boolean {
    if (this.rpc.isFull) return false
    const to = readAddress(endpoint, 0, this.family)
    const pending = this.rpc.open(endpoint.slice(), to, purpose, now)
    const transactionId = Uint8Array.of(pending.transaction >>> 8, pending.transaction)
    const contact = this.table.at(endpoint)
    if (contact) contact.asked = now
    if ('task' in purpose) purpose.task.queries++
    this.queriesOut++
    this.send(encodeQuery({ ...query, transactionId }), to)
    return true
  }

  private send(bytes: Uint8Array, to: Address): void {
    this.bytesOut += bytes.length
    this.out.push({ bytes, to })
  }

  private emit(event: DhtEvent): void {
    // Whoever does not poll loses events, not memory.
    if (this.events.length - this.eventsAt < MOST_EVENTS) this.events.push(event)
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
    this.emit({ type: 'external-address', address, id: this.id.slice() })
  }

  /** Nodes of the other family go to the node that can use them, as long as it knows few. */
  private tellSibling(reply: KrpcReply): void {
    const { sibling } = this
    const nodes = this.family === 4 ? reply.nodes6 : reply.nodes
    if (!sibling || !nodes || sibling.table.size >= K) return
    const size = this.family === 4 ? 38 : 26
    const local = isLocalIp(this.asker.endpoint.subarray(0, -2))
    for (let at = 0; at < Math.min(nodes.length, K * size); at += size) {
      const endpoint = nodes.slice(at + 20, at + size)
      if (isUsableEndpoint(endpoint, local)) sibling.upkeep.suggest(endpoint, undefined)
    }
  }

  /** BEP 32: both families while one of them knows too few. */
  private wanted(): Want | undefined {
    return this.sibling && this.sibling.table.size < K ? [4, 6] : undefined
  }

  private base(): QueryBase {
    return {
      type: 'query',
      transactionId: NO_TRANSACTION,
      id: this.table.id,
      readOnly: this.readOnly,
      version: this.version,
    }
  }

  private makeHoldings(): Holdings {
    const { family, table, tokens, peers, items, version } = this
    return { family, table, tokens, peers, items, version, sibling: this.sibling?.table }
  }

  private endpointOf(address: Address): Uint8Array | undefined {
    const endpoint = new Uint8Array(endpointLength(this.family))
    return address.port > 0 && writeEndpoint(address, endpoint) ? endpoint : undefined
  }
}

/** Replaced by the one of each query. */
const NO_TRANSACTION = new Uint8Array(0)

function ipOf(text: string, family: 4 | 6): Uint8Array {
  const ip = ipToBytes(text)
  if (ip?.length !== (family === 4 ? 4 : 16))
    throw new RangeError(`externalIp must be an IPv${family} address, got ${text}`)
  return ip
}
