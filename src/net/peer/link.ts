/**
 * The driver of one peer: moves bytes between a stream and a peer core, and its events to an owner.
 * @module
 */

import type { BlockEvent, Peer, PeerEvent } from '../../wire/peer.js'
import type { Scheduler, Task } from '../scheduler.js'
import type { ByteStream, StreamListener, World } from '../world.js'

/** Who acts on the events of a link: the torrent. */
export interface LinkOwner<L> {
  /** One event of the peer core; the object is only valid during the call. */
  event(link: L, event: PeerEvent, now: number): void
  /** All events of one read have been delivered: time to ask for more, before the answers leave in one write. */
  delivered(link: L, now: number): void
  /** The memory parts handed to {@link Link.hold} have left. */
  sent(link: L, parts: readonly unknown[]): void
  /** What was queued has left: room for more uploads. */
  drained(link: L, now: number): void
  /** A block that had arrived when the link ended. */
  discarded(link: L, event: BlockEvent): void
  /** The link is gone. Called exactly once; nothing follows. */
  closed(link: L, code: string, message: string, now: number): void
}

/** What drives links besides their sockets: shared by all links of a session. */
export interface LinkServices {
  readonly world: World
  readonly scheduler: Scheduler
}

/** Bytes in the stream above which nothing is added: twice what uploads put there at most. */
const MOST_QUEUED = 2 * 1024 * 1024

export class Link implements StreamListener, Task {
  readonly stream: ByteStream
  readonly peer: Peer
  readonly #services: LinkServices
  #owner: LinkOwner<this>
  #held: unknown[] = []
  #processing = false
  #touched = false
  #done = false

  constructor(services: LinkServices, stream: ByteStream, peer: Peer, owner: LinkOwner<Link>) {
    this.#services = services
    this.stream = stream
    this.peer = peer
    this.#owner = owner as LinkOwner<this>
  }

  /** Starts reading; `rest` are bytes that came with the handshake. */
  open(rest: Uint8Array): void {
    if (this.#done) return
    this.stream.listen(this)
    const now = this.#services.world.now()
    if (rest.length > 0) this.peer.receive(rest, now)
    this.process(now)
    this.#services.scheduler.schedule(this, this.peer.nextTimeout())
  }

  /** True once `closed` has been called. */
  get isClosed(): boolean {
    return this.#done
  }

  data(chunk: Uint8Array): void {
    const now = this.#services.world.now()
    this.peer.receive(chunk, now)
    this.process(now)
  }

  drain(): void {
    if (!this.#done) this.#owner.drained(this, this.#services.world.now())
  }

  /** Hands out all waiting events, then sends what they led to. */
  process(now: number): void {
    if (this.#processing || this.#done) return
    this.#processing = true
    for (let event = this.peer.poll(); event !== undefined; event = this.peer.poll()) {
      if (event.type === 'close') {
        this.#finish(event.code, event.message, now)
        return
      }
      this.#owner.event(this, event, now)
    }
    if (this.#done) return
    this.#owner.delivered(this, now)
    this.#processing = false
    this.flush(now)
  }

  close(error?: Error): void {
    const now = this.#services.world.now()
    this.#finish(
      error ? 'net/broken' : 'net/ended',
      error ? error.message : 'the connection was closed by the remote',
      now,
    )
  }

  run(now: number): void {
    if (this.#done) return
    this.peer.timeout(now)
    this.process(now)
    if (!this.#done) this.#services.scheduler.schedule(this, this.peer.nextTimeout())
  }

  /** Keeps `part` until the bytes of the next write have left, then hands it to `sent`. */
  hold(part: unknown): void {
    this.#held.push(part)
  }

  /** Writes what the core wants to send. */
  flush(now: number): void {
    // What a remote does not read waits in the core, whose bound on it ends the connection.
    if (this.#done || this.stream.queued > MOST_QUEUED) return
    const chunks = this.peer.transmit(now)
    if (chunks === undefined) return
    const held = this.#held
    if (held.length === 0) {
      this.stream.write(chunks)
      return
    }
    this.#held = []
    this.stream.write(chunks, () => {
      this.#owner.sent(this, held)
      if (!this.#done) this.#owner.drained(this, this.#services.world.now())
    })
  }

  /** Lets events and output that a command made be handled at the end of this turn, together with all others. */
  touch(): void {
    if (this.#touched || this.#done) return
    this.#touched = true
    this.#services.world.defer(() => {
      this.#touched = false
      this.process(this.#services.world.now())
    })
  }

  /** Closes from our side with a stable code. */
  end(code: string, message: string): void {
    this.#finish(code, message, this.#services.world.now())
  }

  #finish(code: string, message: string, now: number): void {
    if (this.#done) return
    this.#done = true
    this.#services.scheduler.cancel(this)
    for (let event = this.peer.poll(); event !== undefined; event = this.peer.poll()) {
      if (event.type === 'block') this.#owner.discarded(this, event)
    }
    this.#owner.closed(this, code, message, now)
    this.peer.close(code, message)
    this.stream.destroy()
    if (this.#held.length > 0) this.#owner.sent(this, this.#held)
    this.#held = []
  }
}
