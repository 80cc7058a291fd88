/**
 * One DHT node on its socket: feeds it datagrams and time, sends what it says, and brings its events to
 * the caller of the look-up they belong to.
 * @module
 */

import type { DhtNode } from '../../dht/node.js'
import type { DhtEvent, LookupId, LookupStats } from '../../dht/node-types.js'
import type { Address } from '../../util/address.js'
import type { Scheduler, Task } from '../scheduler.js'
import type { SocketPair } from '../udp/socket-pair.js'
import type { World } from '../world.js'

export type DhtLookupEvent = Extract<DhtEvent, { readonly lookup: LookupId }>
type NodeEvent = Exclude<DhtEvent, DhtLookupEvent>

/** A look-up of one node while it runs. */
export interface RunningLookup {
  stop(): void
  /** Undefined once it is over. */
  progress(): LookupStats | undefined
}

export class DhtDriver implements Task {
  readonly node: DhtNode
  private readonly world: World
  private readonly scheduler: Scheduler
  private readonly udp: SocketPair
  private readonly told: (event: NodeEvent) => void
  private readonly listeners = new Map<LookupId, (event: DhtLookupEvent) => void>()
  /** When {@link DhtDriver.run} comes next: never later than the node's next time-out. */
  private armed = Number.POSITIVE_INFINITY
  private closed = false
  /** The driver of the other family: what one node is told may be something to do for the other. */
  private sibling: DhtDriver | undefined

  constructor(
    services: { readonly world: World; readonly scheduler: Scheduler; readonly udp: SocketPair },
    node: DhtNode,
    told: (event: NodeEvent) => void,
  ) {
    this.world = services.world
    this.scheduler = services.scheduler
    this.udp = services.udp
    this.node = node
    this.told = told
  }

  /** Both families on one host (BEP 32). */
  join(sibling: DhtDriver): void {
    this.node.join(sibling.node)
    this.sibling = sibling
    sibling.sibling = this
  }

  receive(bytes: Uint8Array, from: Address, now: number): void {
    if (this.closed) return
    this.node.receive(bytes, from, now)
    this.drain(now)
  }

  run(now: number): void {
    this.armed = Number.POSITIVE_INFINITY
    if (this.closed) return
    if (this.node.nextTimeout() <= now) this.node.timeout(now)
    this.drain(now)
  }

  /** Does something to the node that is no look-up. */
  tell(act: (node: DhtNode, now: number) => void): void {
    if (this.closed) return
    const now = this.world.now()
    act(this.node, now)
    this.drain(now)
  }

  /** Starts a look-up; its events go to `listener`, the last is `done`. `stop` ends it early. */
  start(
    begin: (node: DhtNode, now: number) => LookupId,
    listener: (event: DhtLookupEvent) => void,
  ): RunningLookup {
    const now = this.world.now()
    const lookup = begin(this.node, now)
    this.listeners.set(lookup, listener)
    this.drain(now)
    return {
      stop: () => {
        if (this.listeners.delete(lookup)) this.tell((node, at) => node.abort(lookup, at))
      },
      progress: () => this.node.progress(lookup, this.world.now()),
    }
  }

  close(): void {
    this.closed = true
    this.scheduler.cancel(this)
    this.listeners.clear()
  }

  private drain(now: number): void {
    const { node, udp } = this
    for (let datagram = node.transmit(now); datagram; datagram = node.transmit(now))
      udp.send(datagram.bytes, datagram.to)
    for (let event = node.poll(); event; event = node.poll()) this.dispatch(event)
    this.arm()
    this.sibling?.arm()
  }

  private arm(): void {
    // An earlier call does no harm, and moving it later would cost something for every datagram.
    const next = this.node.nextTimeout()
    if (next >= this.armed || this.closed) return
    this.armed = next
    this.scheduler.schedule(this, next)
  }

  private dispatch(event: DhtEvent): void {
    if (!('lookup' in event)) {
      this.told(event)
      return
    }
    const listener = this.listeners.get(event.lookup)
    if (event.type === 'done') this.listeners.delete(event.lookup)
    listener?.(event)
  }
}
