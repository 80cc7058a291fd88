import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BLOCK_LENGTH, type Block } from '../../src/metainfo/layout.js'
import { Picker, type PickerPeer } from '../../src/picker/picker.js'
import { Bitfield } from '../../src/util/bitfield.js'
import { runs } from '../support/depth.js'
import { layoutOf, seeded } from '../unit/picker/drawing.js'

const MAX_HOLDERS = 3

/** What a naive picker would know, in sets and maps. */
interface ModelPeer {
  readonly handle: PickerPeer<number>
  readonly has: Set<number>
  readonly asked: Set<string>
  /** Piece -> until when it must not be asked for. */
  readonly refused: Map<number, number>
}

/** Much cheaper than `expect`, which matters at a million checks; the stack names the line. */
function must(condition: boolean | undefined): void {
  if (!condition) throw new Error('the picker and the model disagree')
}

function equal<T>(a: ReadonlySet<T>, b: ReadonlySet<T>): void {
  must(a.size === b.size && [...a].every((each) => b.has(each)))
}

class Pair {
  readonly picker: Picker<number>
  readonly peers: ModelPeer[] = []
  readonly have: Set<number> = new Set()
  readonly priority: number[]
  /** Open piece -> received block -> owner. */
  readonly open: Map<number, Map<number, number | undefined>> = new Map()
  /** Pieces that ever had a deadline. */
  readonly due: Set<number> = new Set()
  readonly pieces: number
  readonly layout
  now = 0
  /** The latest time that the picker was told. */
  told = 0
  owners = 0

  constructor(pieces: number, blocks: number, seed: number, lastBytes: number) {
    this.pieces = pieces
    this.layout = layoutOf(pieces, blocks, lastBytes)
    this.picker = new Picker<number>({ layout: this.layout, random: seeded(seed) })
    this.priority = new Array<number>(pieces).fill(4)
  }

  lacking(piece: number): boolean {
    return (this.priority[piece] as number) > 0 && !this.have.has(piece)
  }

  holders(key: string): number {
    return this.peers.filter((peer) => peer.asked.has(key)).length
  }

  /** Blocks of an open piece that are neither received nor asked for. */
  free(piece: number): number[] {
    const received = this.open.get(piece)
    return Array.from({ length: this.layout.blockCount(piece) }, (_, block) => block).filter(
      (block) => !received?.has(block) && this.holders(`${piece}.${block}`) === 0,
    )
  }

  pick(peer: ModelPeer, count: number): void {
    const { picker, now } = this
    this.told = now
    for (const [piece, until] of peer.refused) if (until <= now) peer.refused.delete(piece)
    const mayOpen = (): boolean => this.open.size < picker.maxOpenPieces
    const openBefore = this.open.size
    const out: Block[] = []
    const picked = picker.pick(peer.handle, count, now, out)
    must(picked === out.length)
    must(picked <= count)
    let duplicates = 0
    const freshOf = new Map<number, number>()
    for (const { piece, begin, length } of out) {
      const block = begin / BLOCK_LENGTH
      const key = `${piece}.${block}`
      must(this.layout.isBlock(piece, begin, length))
      must(this.lacking(piece))
      must(peer.has.has(piece))
      must(!peer.refused.has(piece))
      if (peer.handle.isChoked) must(peer.handle.allowedFast.has(piece))
      must(!peer.asked.has(key))
      if (!this.open.has(piece)) {
        must(mayOpen())
        this.open.set(piece, new Map())
      }
      must(!this.open.get(piece)?.has(block))
      const holders = this.holders(key)
      must(holders < MAX_HOLDERS)
      // Late pieces may be repeated although there is other work.
      if (holders > 0) duplicates += this.due.has(piece) ? 0 : 1
      else {
        must(block > (freshOf.get(piece) ?? -1))
        freshOf.set(piece, block)
      }
      peer.asked.add(key)
    }
    must(this.open.size >= openBefore)
    // Fewer than asked for, or duplicates, only when the peer has nothing else to give.
    if (peer.handle.isChoked || peer.refused.size > 0) return
    if (picked < count || duplicates > 0) {
      for (const piece of peer.has) {
        if (!this.lacking(piece)) continue
        if (this.open.has(piece)) must(this.free(piece).length === 0)
        else must(!mayOpen())
      }
    }
  }

  receive(peer: ModelPeer, piece: number, block: number): void {
    const cancels: PickerPeer<number>[] = []
    const result = this.picker.received(peer.handle, piece, block * BLOCK_LENGTH, cancels)
    const received = this.open.get(piece)
    if (!received || received.has(block) || block >= this.layout.blockCount(piece)) {
      must(result === 'duplicate')
      must(cancels.length === 0)
      return
    }
    must(result === 'fresh')
    const key = `${piece}.${block}`
    const others = this.peers.filter((other) => other !== peer && other.asked.has(key))
    equal(new Set(cancels), new Set(others.map((other) => other.handle)))
    must(cancels.length === others.length)
    for (const other of this.peers) other.asked.delete(key)
    received.set(block, peer.handle.owner)
  }

  close(piece: number): void {
    this.open.delete(piece)
    for (const peer of this.peers) {
      for (const key of peer.asked) if (key.startsWith(`${piece}.`)) peer.asked.delete(key)
    }
  }

  contributors(piece: number): Set<number> {
    const owners = new Set<number>()
    for (const owner of this.open.get(piece)?.values() ?? []) if (owner !== undefined) owners.add(owner)
    return owners
  }

  complete(piece: number): boolean {
    return this.open.get(piece)?.size === this.layout.blockCount(piece)
  }

  /** Everything that can be seen from outside agrees with the model. */
  compare(): void {
    const { picker } = this
    picker.checkInvariants()
    must(picker.have.count === this.have.size)
    equal(new Set(picker.open()), new Set(this.open.keys()))
    let done = true
    for (let piece = 0; piece < this.pieces; piece++) {
      if (this.lacking(piece)) done = false
      must(picker.availability(piece) === this.peers.filter((peer) => peer.has.has(piece)).length)
      must(picker.isComplete(piece) === this.complete(piece))
      const received = this.open.get(piece)
      if (!received) continue
      equal(new Set(picker.contributors(piece)), this.contributors(piece))
      const asked = picker.requests(piece).map(({ owner, begin }) => `${owner} ${begin / BLOCK_LENGTH}`)
      const model = this.peers.flatMap(({ handle, asked: keys }) =>
        [...keys]
          .filter((key) => key.startsWith(`${piece}.`))
          .map((key) => `${handle.owner} ${key.split('.')[1]}`),
      )
      must(asked.length === model.length)
      equal(new Set(asked), new Set(model))
      const states = Array.from(picker.blockStates(piece), (state, block) =>
        received.has(block) ? state === 2 : state === (this.holders(`${piece}.${block}`) > 0 ? 1 : 0),
      )
      must(states.every(Boolean))
    }
    must(picker.isDone === done)
    for (const peer of this.peers) {
      must(peer.handle.outstanding === peer.asked.size)
      must(picker.isInteresting(peer.handle) === [...peer.has].some((piece) => this.lacking(piece)))
    }
  }
}

type Op = readonly [kind: number, a: number, b: number, c: number]
const op: fc.Arbitrary<Op> = fc.tuple(fc.nat(27), fc.nat(1000), fc.nat(1000), fc.nat(0xffff))

function subset(pieces: number, seed: number): Set<number> {
  const random = seeded(seed)
  // Everything, nothing, or some.
  const share = seed % 5 === 0 ? 1 : seed % 7 === 0 ? 0 : random.uint32() / 0x1_0000_0000
  const set = new Set<number>()
  for (let i = 0; i < pieces; i++) if (random.uint32() / 0x1_0000_0000 < share) set.add(i)
  return set
}

function bitfield(pieces: number, set: Iterable<number>): Bitfield {
  const field = new Bitfield(pieces)
  for (const piece of set) field.add(piece)
  return field
}

function apply(pair: Pair, [kind, a, b, c]: Op): void {
  const { picker, peers, pieces } = pair
  const piece = b % pieces
  const peer = peers[a % Math.max(1, peers.length)]
  if (kind <= 1 || !peer) {
    if (peers.length >= 8) return
    const handle = picker.addPeer(pair.owners++)
    if (c % 4 !== 0) pair.picker.unchoked(handle)
    const has = subset(pieces, c)
    if (has.size > 0) picker.setPieces(handle, bitfield(pieces, has))
    peers.push({ handle, has, asked: new Set(), refused: new Map() })
  } else if (kind === 2) {
    peers.splice(peers.indexOf(peer), 1)
    picker.removePeer(peer.handle)
  } else if (kind === 3) {
    const has = subset(pieces, c)
    picker.setPieces(peer.handle, bitfield(pieces, has))
    peer.has.clear()
    for (const index of has) peer.has.add(index)
  } else if (kind === 4) {
    picker.peerHas(peer.handle, piece)
    peer.has.add(piece)
  } else if (kind === 5) {
    picker.peerLost(peer.handle, piece)
    peer.has.delete(piece)
  } else if (kind === 6) {
    if (peer.handle.isChoked) pair.picker.unchoked(peer.handle)
    else pair.picker.choked(peer.handle)
    for (const piece of subset(pieces, c)) pair.picker.allowFast(peer.handle, piece)
    // Being asked while choked and unchoked is what forgives: let the picker see it.
    if (peer.handle.isChoked) pair.pick(peer, 1)
    else peer.refused.clear()
  } else if (kind === 7) {
    pair.picker.setSnubbed(peer.handle, c % 3 === 0)
    pair.picker.setFastRun(peer.handle, c % 2 === 0 ? 0 : b % 20)
  } else if (kind <= 13) {
    pair.pick(peer, 1 + (c % 12))
  } else if (kind <= 18) {
    const keys = [...peer.asked]
    for (const key of keys.slice(0, 1 + (c % 6))) {
      const [at, block] = key.split('.').map(Number)
      pair.receive(peer, at as number, block as number)
    }
  } else if (kind === 19) {
    pair.receive(peer, piece, c % 5)
  } else if (kind === 20) {
    const key = [...peer.asked][c % Math.max(1, peer.asked.size)]
    if (!key) return
    const [at, block] = key.split('.').map(Number) as [number, number]
    picker.rejected(peer.handle, at, block * BLOCK_LENGTH)
    peer.asked.delete(key)
    if (!peer.handle.isChoked || peer.handle.allowedFast.has(at)) {
      for (const [other, until] of peer.refused) if (until <= pair.told) peer.refused.delete(other)
      // All refusals of a peer expire together, with its first one.
      const [until] = peer.refused.values()
      peer.refused.set(at, until ?? pair.told + 10_000)
    }
  } else if (kind === 21) {
    picker.dropRequests(peer.handle)
    peer.asked.clear()
  } else if (kind === 22) {
    for (const index of [...pair.open.keys()]) {
      if (!pair.complete(index)) continue
      if (c % 5 === 4) {
        const received = pair.open.get(index) as Map<number, number | undefined>
        const wrong = [...received.keys()].filter((block) => block % 2 === b % 2)
        const senders = new Set(wrong.flatMap((block) => received.get(block) ?? []))
        expect(new Set(picker.failedBlocks(index, wrong))).toEqual(senders)
        for (const block of wrong) received.delete(block)
        continue
      }
      if (c % 3 > 0) {
        picker.verified(index)
        pair.have.add(index)
      } else expect(new Set(picker.failed(index))).toEqual(pair.contributors(index))
      pair.close(index)
    }
  } else if (kind === 23) {
    if (c % 4 === 0) {
      const all = Array.from({ length: pieces }, (_, i) => (i * c) % 8)
      picker.setPriorities(all)
      pair.priority.splice(0, pieces, ...all)
    } else {
      picker.setPriority(piece, c % 8)
      pair.priority[piece] = c % 8
    }
  } else if (kind === 24) {
    if (pair.have.delete(piece)) picker.unverify(piece)
    else {
      const blocks = new Set([c % 3, c % 4].filter((block) => block < pair.layout.blockCount(piece)))
      picker.restore(piece, blocks)
      if (!pair.open.has(piece) && blocks.size > 0) {
        pair.open.set(piece, new Map([...blocks].map((block) => [block, undefined])))
      }
    }
  } else if (kind === 25) {
    picker.sequential = c % 3 === 0
    picker.maxOpenPieces = c % 2 === 0 ? Number.POSITIVE_INFINITY : b % 6
  } else if (kind === 26) {
    pair.due.add(piece)
    picker.setDeadline(piece, c % 3 === 0 ? undefined : pair.now + (c % 8000))
  } else {
    pair.now += c % 6000
    if (c % 2 === 1) return
    pair.told = pair.now
    const evicted = picker.evict(pair.now)
    if (evicted === undefined) return
    expect(pair.open.has(evicted)).toBe(true)
    expect(pair.complete(evicted)).toBe(false)
    expect(peers.some((other) => [...other.asked].some((key) => key.startsWith(`${evicted}.`)))).toBe(false)
    pair.close(evicted)
  }
}

describe('picker', () => {
  it('agrees with a naive model after any operations', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 24 }),
        fc.integer({ min: 1, max: 5 }),
        fc.nat(),
        fc.array(op, { maxLength: 120, size: 'max' }),
        (pieces, blocks, seed, ops) => {
          const lastBytes = 1 + (seed % (blocks * BLOCK_LENGTH))
          const pair = new Pair(pieces, blocks, seed, lastBytes)
          for (const each of ops) {
            apply(pair, each)
            pair.compare()
          }
        },
      ),
      { numRuns: runs(30) },
    )
  }, 60_000)

  it('agrees with a naive model when there are many small pieces', () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(op, { minLength: 10, maxLength: 60, size: 'max' }), (seed, ops) => {
        const pair = new Pair(700, 1, seed, BLOCK_LENGTH)
        for (const each of ops) {
          apply(pair, each)
          pair.picker.checkInvariants()
        }
        pair.compare()
      }),
      { numRuns: runs(9) },
    )
  }, 60_000)

  it('picks the rarest of the highest priority that the peer has', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 120 }),
        fc.array(fc.nat(0xffff), { minLength: 1, maxLength: 12 }),
        fc.nat(),
        (pieces, peerSeeds, seed) => {
          const have = bitfield(pieces, [0, 1, 2, 3])
          const picker = new Picker<number>({ layout: layoutOf(pieces, 1), random: seeded(seed), have })
          picker.setPriorities(Array.from({ length: pieces }, (_, i) => ((i * seed) >>> 2) % 8))
          const sets = peerSeeds.map((each) => subset(pieces, each))
          const handles = sets.map((set, i) => {
            const handle = picker.addPeer(i)
            picker.unchoked(handle)
            picker.setPieces(handle, bitfield(pieces, set))
            return handle
          })
          const taken = new Set<number>()
          const urgency = (piece: number): number =>
            (((piece * seed) >>> 2) % 8) * 1000 - picker.availability(piece)
          for (const [i, handle] of handles.entries()) {
            const out: Block[] = []
            picker.pick(handle, 5, 0, out)
            for (const { piece } of out) {
              const left = [...(sets[i] as Set<number>)].filter(
                (each) => each > 3 && ((each * seed) >>> 2) % 8 > 0 && !taken.has(each),
              )
              if (taken.has(piece)) break // end-game
              expect(urgency(piece)).toBe(Math.max(...left.map(urgency)))
              taken.add(piece)
            }
          }
        },
      ),
      { numRuns: runs(30) },
    )
  })

  it('completes whatever is dropped, rejected, failed or lost on the way', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 6 }), (...args) => {
        complete(...args)
      }),
      { numRuns: runs(20) },
    )
  }, 60_000)

  it('does the same again from the same seed', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        expect(complete(seed, 40, 3)).toEqual(complete(seed, 40, 3))
      }),
      { numRuns: runs(5) },
    )
  }, 60_000)
})

/** A download from peers that misbehave at random but together have everything; returns all that was picked. */
function complete(seed: number, pieces: number, blocks: number): string[] {
  const random = seeded(seed)
  const chance = (percent: number): boolean => random.uint32() % 100 < percent
  const picker = new Picker<number>({
    layout: layoutOf(pieces, blocks, 1 + (seed % (blocks * BLOCK_LENGTH))),
    random: seeded(seed + 1),
    maxOpenPieces: 1 + (random.uint32() % 6),
  })
  picker.sequential = chance(20)
  const log: string[] = []
  const peers: { handle: PickerPeer<number>; queue: Block[] }[] = []
  const join = (): void => {
    const handle = picker.addPeer(peers.length)
    picker.unchoked(handle)
    picker.setPieces(
      handle,
      peers.length === 0 ? Bitfield.full(pieces) : bitfield(pieces, subset(pieces, random.uint32() % 1000)),
    )
    peers.push({ handle, queue: [] })
  }
  for (let i = 0; i < 5; i++) join()
  let now = 0
  for (let round = 0; !picker.isDone; round++) {
    if (round > 200_000) throw new Error('the download does not complete')
    // After a while everybody behaves, or it might take for ever.
    const wild = round < 2_000
    now += 100
    const peer = peers[random.uint32() % peers.length] as (typeof peers)[number]
    const { handle, queue } = peer
    if (wild) {
      if (chance(3)) {
        if (handle.isChoked) picker.unchoked(handle)
        else picker.choked(handle)
      }
      if (chance(3)) picker.setSnubbed(handle, !handle.isSnubbed)
      if (chance(5)) picker.setFastRun(handle, random.uint32() % 30)
      if (chance(3)) {
        picker.dropRequests(handle)
        queue.length = 0
      }
      if (chance(1) && peers.length > 2 && peer !== peers[0]) {
        picker.removePeer(handle)
        peers.splice(peers.indexOf(peer), 1)
        join()
        continue
      }
      if (chance(2)) picker.unverify(random.uint32() % pieces)
      if (chance(3)) picker.setDeadline(random.uint32() % pieces, now + (random.uint32() % 9_000))
    } else {
      picker.unchoked(handle)
      picker.setSnubbed(handle, false)
    }
    const out: Block[] = []
    picker.pick(handle, 1 + (random.uint32() % 8), now, out)
    if (picker.starved) picker.evict(now)
    for (const block of out) {
      log.push(`${peer.handle.owner}:${block.piece}.${block.begin}`)
      queue.push(block)
    }
    for (const block of queue.splice(0, random.uint32() % 6)) {
      const fate = wild ? random.uint32() % 10 : 9
      if (fate === 0) continue // never answered
      if (fate === 1) picker.rejected(handle, block.piece, block.begin)
      else picker.received(handle, block.piece, block.begin, [])
      if (!picker.isComplete(block.piece)) continue
      if (wild && chance(20)) picker.failed(block.piece)
      else picker.verified(block.piece)
    }
    // Requests that were never answered end when their peer is found snubbed.
    if (queue.length === 0 && handle.outstanding > 0 && chance(10)) picker.dropRequests(handle)
  }
  picker.checkInvariants()
  expect(picker.have.isFull).toBe(true)
  expect(picker.stats.requestedBlocks).toBe(0)
  return log
}
