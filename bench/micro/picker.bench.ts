/**
 * The picker with 100,000 pieces x 200 peers: a have, and picks in batches of 16 blocks while a
 * download runs, for seeds, peers with half the pieces, peers with one wanted piece, and peers that
 * have nothing for us; with pieces of 1, 64 and 4,096 blocks. Every pick call is timed by itself:
 * `rows` hold the median per block and the worst call.
 */
import { bench, do_not_optimize } from 'mitata'
import { type Block, Layout } from '../../src/metainfo/layout.js'
import { Picker, type PickerPeer } from '../../src/picker/picker.js'
import { Bitfield } from '../../src/util/bitfield.js'
import type { Random } from '../../src/util/random.js'

const BLOCK = 16_384
const BATCH = 16
const DEPTH = 64
const RUNS = 4

type Kind = 'seed' | 'half' | 'common half' | 'nothing new'

interface Simulated {
  readonly kind: Kind
  readonly picks: PickerPeer<Simulated>
  readonly queue: Block[]
}

interface Row {
  readonly name: string
  readonly median: number
  readonly p99: number
  readonly worst: number
}

/** Measured picks, one row per kind of peer; times in ns. */
export const rows: Row[] = []

function seeded(seed: number): Random {
  let state = seed
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
  return { uint32, bytes: (length) => Uint8Array.from({ length }, uint32) }
}

function half(length: number, random: Random): Bitfield {
  const bytes = random.bytes(length >>> 3)
  const padded = new Uint8Array((length + 7) >>> 3)
  padded.set(bytes)
  return new Bitfield(length, padded)
}

/**
 * Times of calls in ns. The runs are the same to the block each time, so a call's time is the least
 * that any of them took: what other processes and the collector take does not count.
 */
class Times {
  readonly #calls: number[] = []
  readonly #blocks: number[] = []
  #at = 0

  rewind(): void {
    this.#at = 0
  }

  add(ns: number, blocks: number): void {
    const at = this.#at++
    const known = this.#calls[at]
    if (known !== undefined && this.#blocks[at] !== blocks) throw new Error('the runs differ')
    this.#calls[at] = known === undefined ? ns : Math.min(known, ns)
    this.#blocks[at] = blocks
  }

  report(name: string): void {
    const perBlock: number[] = []
    const vain: number[] = []
    let worst = 0
    for (const [at, ns] of this.#calls.entries()) {
      const blocks = this.#blocks[at] as number
      if (blocks > 0) perBlock.push(ns / blocks)
      else vain.push(ns)
      worst = Math.max(worst, ns)
    }
    const list = perBlock.length > 0 ? perBlock : vain
    if (list.length === 0) return
    list.sort((a, b) => a - b)
    const what = perBlock.length > 0 ? `${name}, per block` : `${name}, vain call`
    const share = (part: number): number => list[Math.floor(list.length * part)] as number
    const row = { name: what, median: share(0.5), p99: share(0.99), worst }
    rows.push(row)
    const us = (ns: number): string => `${(ns / 1000).toFixed(2)} us`
    console.log(`${what.padEnd(74)} median ${us(row.median)}  p99 ${us(row.p99)}  worst call ${us(worst)}`)
  }
}

/** Downloads up to `limit` blocks from all peers in turn. */
function download(
  title: string,
  pieces: number,
  blocks: number,
  kinds: Record<Kind, number>,
  limit: number,
  options: { readonly maxOpen?: number; readonly sequential?: boolean } = {},
): void {
  const times = new Map<Kind, Times>()
  for (const kind of Object.keys(kinds) as Kind[]) times.set(kind, new Times())
  for (let run = 0; run < RUNS; run++) {
    for (const measured of times.values()) measured.rewind()
    downloadOnce(times, pieces, blocks, kinds, limit, options)
  }
  for (const [kind, measured] of times) measured.report(`${title}: ${kind}`)
}

function downloadOnce(
  times: ReadonlyMap<Kind, Times>,
  pieces: number,
  blocks: number,
  kinds: Record<Kind, number>,
  limit: number,
  options: { readonly maxOpen?: number; readonly sequential?: boolean },
): void {
  const random = seeded(1)
  const layout = new Layout([{ length: pieces * blocks * BLOCK, pad: false }], blocks * BLOCK)
  const picker = new Picker<Simulated>({
    layout,
    random,
    ...(options.maxOpen === undefined ? {} : { maxOpenPieces: options.maxOpen }),
  })
  picker.sequential = options.sequential ?? false
  const common = half(pieces, random)
  const peers: Simulated[] = []
  for (const kind of Object.keys(kinds) as Kind[]) {
    for (let i = 0; i < kinds[kind]; i++) {
      const simulated: { kind: Kind; picks?: PickerPeer<Simulated>; queue: Block[] } = { kind, queue: [] }
      const picks = picker.addPeer(simulated as Simulated)
      simulated.picks = picks
      picker.unchoked(picks)
      if (kind === 'seed') picker.setPieces(picks, Bitfield.full(pieces))
      if (kind === 'half') picker.setPieces(picks, half(pieces, random))
      if (kind === 'common half') picker.setPieces(picks, common)
      peers.push(simulated as Simulated)
    }
  }
  const cancels: PickerPeer<Simulated>[] = []
  const out: Block[] = []
  let received = 0
  for (let round = 0; received < limit && !picker.isDone; round++) {
    for (const peer of peers) {
      if (peer.picks.outstanding <= DEPTH - BATCH) {
        out.length = 0
        const start = performance.now()
        const count = picker.pick(peer.picks, BATCH, round, out)
        const ns = (performance.now() - start) * 1e6
        times.get(peer.kind)?.add(ns, count)
        for (const block of out) peer.queue.push(block)
      }
      for (let i = 0; i < BATCH; i++) {
        const block = peer.queue.shift()
        if (!block) break
        cancels.length = 0
        if (picker.received(peer.picks, block.piece, block.begin, cancels) === 'fresh') received++
        if (picker.isComplete(block.piece)) picker.verified(block.piece)
      }
    }
  }
}

const mixed = { seed: 20, half: 140, 'common half': 20, 'nothing new': 20 }
const nobody = { seed: 0, half: 0, 'common half': 0, 'nothing new': 0 }
const LIMIT = 300_000
download('100,000 pieces of 1 MiB x 200 peers', 100_000, 64, mixed, LIMIT)
download('the same, sequential', 100_000, 64, mixed, LIMIT, { sequential: true })
download('65,536 pieces of 16 KiB x 200 peers', 65_536, 1, mixed, LIMIT)
download('65,536 pieces of 16 KiB, 40 seeds', 65_536, 1, { ...nobody, seed: 40 }, LIMIT)
download('1,600 pieces of 64 MiB x 200 peers', 1_600, 4_096, mixed, LIMIT)
download('16 MiB pieces, 4 open, 40 seeds', 1_600, 1_024, { ...nobody, seed: 40 }, LIMIT, { maxOpen: 4 })

/**
 * Nothing left but what others were asked for: 4,096 open pieces of one block, 40 idle seeds that are
 * called again and again, and 20 peers with half the pieces; then a mass of dropped requests, so that
 * thousands of open pieces have free blocks, and peers that have few of them.
 */
const idle = new Times()
const idleHalf = new Times()
const few = new Times()
for (let run = 0; run < RUNS; run++) {
  for (const times of [idle, idleHalf, few]) times.rewind()
  const pieces = 65_536
  const random = seeded(4)
  const layout = new Layout([{ length: pieces * BLOCK, pad: false }], BLOCK)
  const picker = new Picker<number>({ layout, random, maxOpenPieces: 4_096 })
  const peers = Array.from({ length: 80 }, (_, i) => {
    const peer = picker.addPeer(i)
    picker.unchoked(peer)
    if (i < 50) picker.setPieces(peer, Bitfield.full(pieces))
    else if (i < 70) picker.setPieces(peer, half(pieces, random))
    return peer
  })
  for (let i = 0; i < 10; i++) picker.pick(peers[i] as PickerPeer<number>, 500, 0, [])
  const timed = (times: Times, peer: PickerPeer<number>, now: number): void => {
    const out: Block[] = []
    const start = performance.now()
    const count = picker.pick(peer, BATCH, now, out)
    times.add((performance.now() - start) * 1e6, count)
  }
  for (let now = 0; now < 100; now++) {
    for (let i = 10; i < 70; i++) timed(i < 50 ? idle : idleHalf, peers[i] as PickerPeer<number>, now)
  }
  for (let i = 0; i < 70; i++) picker.dropRequests(peers[i] as PickerPeer<number>)
  const open = picker.open()
  for (let round = 0; round < 50; round++) {
    for (let i = 70; i < 80; i++) {
      const peer = peers[i] as PickerPeer<number>
      picker.peerHas(peer, open[(round * 10 + i) * 4] as number)
      timed(few, peer, 100 + round)
      timed(few, peer, 100 + round)
    }
  }
}
idle.report('40 idle seeds, 4,096 of 65,536 pieces open and requested')
idleHalf.report('20 idle peers with half the pieces, the same')
few.report('10 peers with few of 4,096 open pieces that have free blocks')

/** Each time another peer comes whose only wanted piece is one among 100,000. */
const first = new Times()
const later = new Times()
for (let run = 0; run < RUNS; run++) {
  first.rewind()
  later.rewind()
  const pieces = 100_000
  const random = seeded(2)
  const layout = new Layout([{ length: pieces * BLOCK * 64, pad: false }], BLOCK * 64)
  const have = half(pieces, random)
  const picker = new Picker<number>({ layout, random, have })
  for (let i = 0; i < 199; i++) picker.setPieces(picker.addPeer(i), half(pieces, random))
  for (let i = 0; i < 500; i++) {
    const peer = picker.addPeer(i)
    picker.unchoked(peer)
    let wanted = random.uint32() % pieces
    while (have.has(wanted)) wanted = (wanted + 1) % pieces
    const mine = have.clone()
    mine.add(wanted)
    picker.setPieces(peer, mine)
    for (const times of [first, later, later]) {
      const out: Block[] = []
      const start = performance.now()
      const count = picker.pick(peer, BATCH, i, out)
      times.add((performance.now() - start) * 1e6, count)
    }
    picker.removePeer(peer)
    picker.failed(wanted)
  }
}
first.report('one wanted piece among 100,000, just connected')
later.report('one wanted piece among 100,000, later')

{
  const pieces = 100_000
  const random = seeded(3)
  const layout = new Layout([{ length: pieces * BLOCK * 64, pad: false }], BLOCK * 64)
  const picker = new Picker<number>({ layout, random })
  const peers = Array.from({ length: 200 }, (_, i) => picker.addPeer(i))
  for (const peer of peers) picker.setPieces(peer, half(pieces, random))
  const one = peers[0] as PickerPeer<number>
  picker.unchoked(one)
  picker.pick(one, 1, 0, [])
  let at = 0
  bench('have and its opposite, 100,000 pieces x 200 peers', () => {
    const peer = peers[at % 200] as PickerPeer<number>
    const piece = (at * 7919) % pieces
    at++
    picker.peerHas(peer, piece)
    picker.peerLost(peer, piece)
    return do_not_optimize(at)
  })
}
