/**
 * Two peer cores talk to each other through pipes that cut anywhere, driven by random commands, beside
 * a simple model of each: lists instead of rings and maps, whole messages instead of bytes.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Range } from '../../src/metainfo/layout.js'
import { concatBytes } from '../../src/util/bytes.js'
import type { Message } from '../../src/wire/message.js'
import type { PeerEvent } from '../../src/wire/peer.js'
import { runs } from '../support/depth.js'
import { BLOCK, drain, layout, messagesIn, newPeer } from '../support/wire.js'

const MAX_REQUESTS = 4
const BLOCKS: readonly Range[] = Array.from({ length: 19 }, (_, i) => layout.blockAt(i >> 1, i & 1))
const PIECES: readonly number[] = Array.from({ length: layout.pieceCount }, (_, piece) => piece)
const fill = (range: Range): number => (range.piece * 2 + range.begin / BLOCK + 1) & 0xff
const same = (a: Range, b: Range): boolean => a.piece === b.piece && a.begin === b.begin
const bare = (type: 'choke' | 'unchoke' | 'interested' | 'not-interested'): Message => ({ type })
const ranged = (type: 'request' | 'cancel' | 'reject', { piece, begin, length }: Range): Message => ({
  type,
  piece,
  begin,
  length,
})

class Side {
  readonly peer
  readonly fast: boolean
  /** The pipe towards this side. */
  pipe: Uint8Array = new Uint8Array(0)
  unread: Uint8Array = new Uint8Array(0)

  choking = true
  interested = false
  remoteChoking = true
  remoteInterested = false
  /** Our unanswered requests, oldest first; cancelled ones with fast stay until they are answered. */
  open: { range: Range; cancelled: boolean; dying: boolean }[] = []
  /** Requests of the remote that we hold. */
  queue: Range[] = []
  offered = new Map<number, number>()
  allowed = new Set<number>()
  remotePieces = new Set<number>()
  pieces = new Set<number>()
  expectedOutput: Message[] = []
  expectedEvents: unknown[] = []
  asked = 0
  answered = 0

  constructor(fast: boolean) {
    this.fast = fast
    this.peer = newPeer({ fast, maxRequests: fast ? MAX_REQUESTS : 10_000 })
    this.peer.start(undefined, undefined, 0)
    if (fast) this.expectedOutput.push({ type: 'have-none' })
  }

  setChoking(choking: boolean): void {
    this.peer.setChoking(choking, 0)
    if (choking === this.choking) return
    this.choking = choking
    this.expectedOutput.push(bare(choking ? 'choke' : 'unchoke'))
    if (!choking) return
    const refused = this.queue.filter((range) => !this.offered.has(range.piece) || !this.fast)
    this.queue = this.queue.filter((range) => this.offered.has(range.piece) && this.fast)
    if (this.fast) for (const range of refused) this.expectedOutput.push(ranged('reject', range))
  }

  setInterested(interested: boolean): void {
    this.peer.setInterested(interested, 0)
    if (interested === this.interested) return
    this.interested = interested
    this.expectedOutput.push(bare(interested ? 'interested' : 'not-interested'))
  }

  have(piece: number): void {
    this.peer.have(piece, 0)
    this.expectedOutput.push({ type: 'have', piece })
  }

  request(range: Range): void {
    this.peer.request(range.piece, range.begin, range.length, 0)
    if (this.open.some((entry) => !entry.cancelled && same(entry.range, range))) return
    // A block that is arriving unwanted, after a cancel, does not serve a request that comes in its middle.
    if (this.isArriving(range)) {
      const dead = this.open.find((entry) => entry.cancelled && same(entry.range, range))
      if (dead) dead.dying = true
    }
    this.open.push({ range, cancelled: false, dying: false })
    this.asked++
    this.expectedOutput.push(ranged('request', range))
  }

  cancel(range: Range): void {
    const arriving = this.peer.incoming
    this.peer.cancel(range.piece, range.begin, 0)
    const entry = this.open.find((entry) => !entry.cancelled && same(entry.range, range))
    if (entry === undefined) return
    entry.cancelled = true
    entry.dying = arriving?.piece === range.piece && arriving.begin === range.begin
    if (!entry.dying) this.expectedOutput.push(ranged('cancel', range))
  }

  offer(piece: number): void {
    this.peer.offerFast([piece])
    if (!this.fast || this.offered.has(piece)) return
    this.offered.set(piece, 3 * layout.pieceSize(piece))
    this.expectedOutput.push({ type: 'allowed-fast', piece })
  }

  answer(accept: boolean): void {
    const head = this.queue.shift()
    expect(this.peer.nextRequest()).toEqual(head)
    if (head === undefined) return
    if (!accept) {
      this.peer.reject()
      if (this.fast) this.expectedOutput.push(ranged('reject', head))
      return
    }
    const half = head.length >> 1
    const data = new Uint8Array(head.length).fill(fill(head))
    this.peer.answer([data.subarray(0, half), data.subarray(half)])
    this.expectedOutput.push({ type: 'piece', piece: head.piece, begin: head.begin, data })
  }

  /** Feeds up to `size` bytes of the pipe to the core, and whole messages to the model. */
  deliver(size: number): void {
    const chunk = this.pipe.slice(0, size)
    this.pipe = this.pipe.slice(size)
    this.unread = concatBytes(this.unread, chunk)
    let whole = 0
    for (;;) {
      if (this.unread.length - whole < 4) break
      const end = whole + 4 + new DataView(this.unread.buffer, this.unread.byteOffset).getUint32(whole)
      if (end > this.unread.length) break
      whole = end
    }
    for (const message of messagesIn(this.unread.slice(0, whole))) this.learn(message)
    this.unread = this.unread.slice(whole)
    this.peer.receive(chunk, 0)
    chunk.fill(0xee)
  }

  /** The header of this block has come, and not all of its payload. */
  private isArriving({ piece, begin }: Range): boolean {
    if (this.unread.length < 13 || this.unread[4] !== 7) return false
    const view = new DataView(this.unread.buffer, this.unread.byteOffset)
    return view.getUint32(5) === piece && view.getUint32(9) === begin
  }

  private learn(message: Message): void {
    const events = this.expectedEvents
    switch (message.type) {
      case 'choke':
        this.remoteChoking = true
        if (!this.fast) this.open = []
        events.push({ type: 'choke' })
        return
      case 'unchoke':
        this.remoteChoking = false
        events.push({ type: 'unchoke' })
        return
      case 'interested':
      case 'not-interested':
        this.remoteInterested = message.type === 'interested'
        events.push({ type: message.type })
        return
      case 'have-none':
        events.push({ type: 'pieces' })
        return
      case 'have':
        if (!this.remotePieces.has(message.piece)) events.push(message)
        this.remotePieces.add(message.piece)
        return
      case 'allowed-fast':
        this.allowed.add(message.piece)
        events.push(message)
        return
      case 'request': {
        const left = this.offered.get(message.piece) ?? 0
        const allowed = !this.choking || left >= message.length
        const room = !this.fast || this.queue.length < MAX_REQUESTS
        if (allowed && room) {
          if (this.choking) this.offered.set(message.piece, left - message.length)
          this.queue.push({ piece: message.piece, begin: message.begin, length: message.length })
        } else if (this.fast) this.expectedOutput.push({ ...message, type: 'reject' })
        return
      }
      case 'cancel': {
        const at = this.queue.findIndex((range) => same(range, message))
        if (at < 0) return
        this.queue.splice(at, 1)
        if (this.fast) this.expectedOutput.push({ ...message, type: 'reject' })
        return
      }
      case 'reject':
        this.settle(message, true)
        return
      case 'piece':
        this.settle({ piece: message.piece, begin: message.begin, length: message.data.length }, false)
        return
      default:
        throw new Error(`nobody sent ${message.type}`)
    }
  }

  private settle(range: Range, rejected: boolean): void {
    this.answered++
    const live = this.open.findIndex((entry) => !entry.cancelled && same(entry.range, range))
    const dead = this.open.findIndex((entry) => entry.cancelled && same(entry.range, range))
    const dying = this.open.findIndex((entry) => entry.dying && same(entry.range, range))
    // A block serves the live request, a reject the cancelled one, whichever came first; but the block
    // that was arriving when it was cancelled is lost.
    const at = dying >= 0 ? dying : (rejected ? dead >= 0 : live < 0) ? dead : live
    if (at < 0) {
      expect(this.fast).toBe(false)
      return
    }
    const [entry] = this.open.splice(at, 1)
    if (entry?.cancelled) return
    const { piece, begin, length } = range
    if (rejected) {
      if (this.remoteChoking) this.allowed.delete(piece)
      this.expectedEvents.push({ type: 'rejected', piece, begin })
    } else this.expectedEvents.push({ type: 'block', piece, begin, length, data: 'right', rtt: 0 })
  }

  /** Moves what this side sends into the other's pipe. */
  flush(other: Side): void {
    const chunks = this.peer.transmit(0)
    if (chunks === undefined) return
    const bytes = concatBytes(...chunks)
    other.pipe = concatBytes(other.pipe, bytes)
    const actual = messagesIn(bytes)
    expect(actual.map(brief)).toEqual(this.expectedOutput.map(brief))
    this.expectedOutput = []
  }

  check(): void {
    const events = drain(this.peer).filter((event) => event.type !== 'requests')
    expect(events.map(checked)).toEqual(this.expectedEvents)
    this.expectedEvents = []
    const { peer } = this
    expect(peer.closed).toBeUndefined()
    expect(peer.outstanding).toBe(this.open.filter((entry) => !entry.cancelled).length)
    expect(peer.nextRequest()).toEqual(this.queue[0])
    expect(peer.queued).toBe(this.queue.length)
    expect([peer.amChoking, peer.amInterested]).toEqual([this.choking, this.interested])
    expect([peer.peerChoking, peer.peerInterested]).toEqual([this.remoteChoking, this.remoteInterested])
    expect([...(peer.pieces ?? [])]).toEqual([...this.remotePieces].sort((a, b) => a - b))
    expect(PIECES.filter((piece) => peer.isAllowedFast(piece))).toEqual(
      PIECES.filter((piece) => this.allowed.has(piece)),
    )
  }
}

/** Without the payload, which is checked against what the block must hold. */
function brief(message: Message): unknown {
  if (message.type !== 'piece') return message
  const { piece, begin, data } = message
  const right = isFilled(data, fill({ piece, begin, length: data.length }))
  return { type: 'piece', piece, begin, length: data.length, right }
}

function checked(event: PeerEvent): unknown {
  if (event.type !== 'block' || event.data === undefined) return event
  return { ...event, data: isFilled(event.data, fill(event)) ? 'right' : 'wrong' }
}

function isFilled(data: Uint8Array, byte: number): boolean {
  return Buffer.alloc(data.length, byte).equals(data)
}

const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('request' as const), n: fc.nat(18) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), n: fc.nat(18) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const), n: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('choking' as const), n: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('interested' as const), n: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('have' as const), n: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('offer' as const), n: fc.nat(9) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('deliver' as const),
      n: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constant(9000), fc.constant(1_000_000)),
    }),
  },
)
const script = fc.array(fc.tuple(fc.nat(1), command), { maxLength: 60, size: 'max' })

function play(fast: boolean, commands: readonly (readonly [number, { do: string; n: number }])[]): void {
  const sides = [new Side(fast), new Side(fast)] as const
  const flush = (): void => {
    sides[0].flush(sides[1])
    sides[1].flush(sides[0])
    for (const side of sides) side.check()
  }
  flush()
  for (const [who, { do: what, n }] of commands) {
    const side = sides[who] as Side
    if (what === 'request') side.request(BLOCKS[n] as Range)
    else if (what === 'cancel') side.cancel(BLOCKS[n] as Range)
    else if (what === 'answer') side.answer(n > 0)
    else if (what === 'choking') side.setChoking(n === 1)
    else if (what === 'interested') side.setInterested(n === 1)
    else if (what === 'have') side.have(n)
    else if (what === 'offer') side.offer(n)
    else side.deliver(n)
    flush()
  }
  for (let round = 0; round < 4; round++) {
    for (const side of sides) {
      while (side.queue.length > 0) side.answer(true)
      flush()
    }
    for (const side of sides) side.deliver(side.pipe.length)
    flush()
  }
  for (const side of sides) {
    expect(side.pipe.length + side.unread.length).toBe(0)
    if (!fast) continue
    expect(side.open).toEqual([])
    expect(side.answered).toBe(side.asked)
  }
}

describe('two peers do what the model says', () => {
  it('when a block that was cancelled is asked for again while it arrives', () => {
    const commands = [
      [1, { do: 'request', n: 10 }],
      [0, { do: 'choking', n: 0 }],
      [0, { do: 'deliver', n: 9000 }],
      [1, { do: 'cancel', n: 10 }],
      [0, { do: 'answer', n: 1 }],
      [1, { do: 'deliver', n: 9000 }],
      [1, { do: 'request', n: 10 }],
    ] as const
    play(false, commands)
    play(true, commands)
  })

  it('with the fast extension: every request is answered exactly once', () => {
    fc.assert(
      fc.property(script, (commands) => play(true, commands)),
      { numRuns: runs(20) },
    )
  })

  it('without it: a choke drops what is not answered', () => {
    fc.assert(
      fc.property(script, (commands) => play(false, commands)),
      { numRuns: runs(20) },
    )
  })
})
