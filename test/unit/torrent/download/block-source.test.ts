import { describe, expect, it } from 'vitest'
import type { Block } from '../../../../src/metainfo/layout.js'
import { Picker } from '../../../../src/picker/picker.js'
import { DEFAULT_SETTINGS } from '../../../../src/session/settings.js'
import { MemoryStorage } from '../../../../src/storage/backend/memory.js'
import { Store } from '../../../../src/storage/store.js'
import { type BlockOrigin, type BlockSource, Intake } from '../../../../src/torrent/download/block-source.js'
import { Downloads } from '../../../../src/torrent/download/downloads.js'
import { Bitfield } from '../../../../src/util/bitfield.js'
import { Rate } from '../../../../src/util/rate.js'
import { Peer } from '../../../../src/wire/peer.js'
import { seededRandom } from '../../../support/random.js'
import { readRange, same, torrent } from '../../storage/fixture.js'

/** A source in the rig: each pump lets it deliver up to so many blocks. */
interface Pumped extends BlockSource {
  blocksPerStep: number
  pump(now: number): void
}

/** The real downloads, picker and store of one torrent, and a clock. */
class Rig {
  readonly subject: ReturnType<typeof torrent>
  readonly picker: Picker<BlockOrigin>
  readonly store: Store
  readonly downloads: Downloads<BlockOrigin>
  readonly banned: string[] = []
  readonly sources: Pumped[] = []
  now = 0

  constructor(pieces: number, pieceLength: number) {
    this.subject = torrent([{ path: 'data', length: pieces * pieceLength - 1000 }], pieceLength)
    const { layout, files, pieces: hashes } = this.subject
    this.store = new Store({
      layout,
      files,
      pieces: hashes,
      backend: new MemoryStorage(),
      defer: (call) => void setImmediate(call),
      on: {
        verified: (piece) => this.downloads.verified(piece),
        failed: (piece) => this.downloads.failed(piece),
        error: (error) => expect.fail(error.message),
        drained: () => this.downloads.throttle(),
      },
    })
    this.picker = new Picker({ layout, random: seededRandom(1), maxOpenPieces: this.store.maxOpenPieces })
    this.downloads = new Downloads({
      layout,
      picker: this.picker,
      store: this.store,
      rate: new Rate(),
      settings: {
        ...DEFAULT_SETTINGS,
        limits: { ...DEFAULT_SETTINGS.limits, outstandingRequestsPerPeer: 500 },
      },
      ban: ({ key }) => this.banned.push(key),
    })
  }

  add<S extends Pumped>(source: S): S {
    this.sources.push(source)
    this.downloads.join(source, this.now)
    return source
  }

  leave(source: Pumped): void {
    this.sources.splice(this.sources.indexOf(source), 1)
    this.downloads.leave(source)
  }

  /** Steps of 50 ms until the condition holds; fails after a virtual minute. */
  async run(until: () => boolean, most = 1200): Promise<void> {
    for (let step = 0; !until(); step++) {
      if (step === most) expect.fail(`nothing more comes after ${this.now} ms`)
      this.now += 50
      for (const source of [...this.sources]) source.pump(this.now)
      for (const source of this.sources) this.downloads.request(source, this.now)
      if (this.now % 1000 === 0) this.downloads.tick(this.now)
      for (let i = 0; i < 12; i++) await new Promise((resolve) => setImmediate(resolve))
      this.picker.checkInvariants()
    }
  }

  async done(): Promise<void> {
    await this.run(() => this.picker.isDone)
    await this.store.flush()
    const { layout, data } = this.subject
    for (let piece = 0; piece < layout.pieceCount; piece++) {
      const bytes = await readRange(this.store, piece, 0, layout.pieceSize(piece))
      const start = piece * layout.pieceLength
      expect(same(bytes, data.subarray(start, start + bytes.length)), `piece ${piece}`).toBe(true)
    }
    await this.store.close()
  }
}

/** A peer: our wire core back to back with the one of a seed. */
class PeerSource implements Pumped {
  readonly origin: BlockOrigin = { key: '10.0.0.1:6881', standing: 0 }
  readonly intake = new Intake(0)
  readonly picks
  readonly #rig: Rig
  readonly #ours: Peer
  readonly #theirs: Peer
  blocksPerStep: number

  constructor(rig: Rig, blocksPerStep: number) {
    this.#rig = rig
    this.blocksPerStep = blocksPerStep
    this.picks = rig.picker.addPeer(this.origin)
    const { layout } = rig.subject
    const options = { layout, fast: true, extended: false, dht: false, v2: false, maxRequests: 500, now: 0 }
    this.#ours = new Peer({
      ...options,
      place: (piece, begin, length) => rig.downloads.place(this.intake.lease, piece, begin, length),
    })
    this.#theirs = new Peer({ ...options, place: () => undefined })
    const all = Bitfield.full(layout.pieceCount)
    this.#ours.start(undefined, undefined, 0)
    this.#theirs.start(all, undefined, 0)
    this.#ours.setInterested(true, 0)
    this.#theirs.setChoking(false, 0)
  }

  get outstanding(): number {
    return this.#ours.outstanding
  }

  get requestLimit(): number {
    return this.#ours.peerChoking ? 0 : 500
  }

  request(blocks: readonly Block[], now: number): void {
    for (const { piece, begin, length } of blocks) this.#ours.request(piece, begin, length, now)
  }

  cancel(piece: number, begin: number, now: number): void {
    this.#ours.cancel(piece, begin, now)
  }

  pause(): void {}
  resume(): void {}
  touch(): void {}

  end(): void {
    this.#rig.leave(this)
  }

  pump(now: number): void {
    const { downloads, picker, subject } = this.#rig
    for (const chunk of this.#ours.transmit(now) ?? []) this.#theirs.receive(chunk, now)
    while (this.#theirs.poll()) {}
    for (let left = this.blocksPerStep; left > 0; left--) {
      const range = this.#theirs.nextRequest()
      if (!range) break
      const start = range.piece * subject.layout.pieceLength + range.begin
      this.#theirs.answer([subject.data.subarray(start, start + range.length)])
    }
    for (const chunk of this.#theirs.transmit(now) ?? []) this.#ours.receive(chunk, now)
    for (let event = this.#ours.poll(); event; event = this.#ours.poll()) {
      if (event.type === 'block') downloads.received(this, event, now)
      else if (event.type === 'pieces') picker.setPieces(this.picks, this.#ours.pieces as Bitfield)
      else if (event.type === 'unchoke') downloads.unchoked(this, now)
      else if (event.type === 'rejected') picker.rejected(this.picks, event.piece, event.begin)
    }
  }
}

/** A mirror that answers from memory, as a web seed does over HTTP: no choke, whole ranges, in order. */
class Mirror implements Pumped {
  readonly origin: BlockOrigin = { key: 'http://mirror.example/data', standing: 0 }
  /** Ranges of half a piece at least. */
  readonly intake
  readonly picks
  readonly requestLimit = 128
  /** Lengths (blocks) of the ranges that it was asked for, and the blocks that it was told to leave out. */
  readonly ranges: number[] = []
  readonly cancelled: string[] = []
  readonly delivered: string[] = []
  code: string | undefined
  spoils = false
  blocksPerStep: number
  readonly #rig: Rig
  #queue: Block[] = []
  #arriving: { readonly block: Block; data: Uint8Array | undefined } | undefined

  constructor(rig: Rig, blocksPerStep: number) {
    this.#rig = rig
    this.blocksPerStep = blocksPerStep
    const { layout } = rig.subject
    this.intake = new Intake(0, layout.blocksPerPiece)
    this.picks = rig.picker.addPeer(this.origin)
    const all = Bitfield.full(layout.pieceCount)
    rig.picker.setPieces(this.picks, all)
    rig.picker.unchoked(this.picks)
  }

  get outstanding(): number {
    return this.#queue.length + (this.#arriving ? 1 : 0)
  }

  /** The block of which it has begun to send. */
  get arriving(): string | undefined {
    const block = this.#arriving?.block
    return block && `${block.piece}.${block.begin}`
  }

  request(blocks: readonly Block[]): void {
    let last = this.#queue.at(-1)
    for (const block of blocks) {
      const { pieceLength } = this.#rig.subject.layout
      const follows =
        last &&
        last.piece * pieceLength + last.begin + last.length === block.piece * pieceLength + block.begin
      if (follows) this.ranges[this.ranges.length - 1] = (this.ranges.at(-1) as number) + 1
      else this.ranges.push(1)
      last = block
    }
    this.#queue.push(...blocks)
  }

  cancel(piece: number, begin: number): void {
    const isIt = (block: Block): boolean => block.piece === piece && block.begin === begin
    this.cancelled.push(`${piece}.${begin}`)
    this.#queue = this.#queue.filter((block) => !isIt(block))
    // Its bytes come all the same, in the middle of a range: they are left out.
    if (this.#arriving && isIt(this.#arriving.block)) this.#arriving.data = undefined
  }

  pause(): void {}
  resume(): void {}
  touch(): void {}

  end(code: string): void {
    this.code = code
    this.#rig.leave(this)
  }

  pump(now: number): void {
    for (let left = this.blocksPerStep; left > 0 && this.code === undefined; left--) {
      this.#finish(now)
      const block = this.#queue.shift()
      if (!block) return
      const { piece, begin, length } = block
      this.#arriving = { block, data: this.#rig.downloads.place(this.intake.lease, piece, begin, length) }
    }
  }

  #finish(now: number): void {
    if (!this.#arriving) return
    const { block, data } = this.#arriving
    const { layout, data: whole } = this.#rig.subject
    const start = block.piece * layout.pieceLength + block.begin
    this.#arriving = undefined
    data?.set(whole.subarray(start, start + block.length))
    if (data && this.spoils) data[0] = (data[0] as number) ^ 1
    this.delivered.push(`${block.piece}.${block.begin}`)
    this.#rig.downloads.received(this, { ...block, data }, now)
  }
}

const KIB = 1024

describe('a source that is no peer', () => {
  it('downloads beside a peer, in long ranges and in order', async () => {
    const rig = new Rig(64, 128 * KIB)
    const peer = rig.add(new PeerSource(rig, 4))
    const mirror = rig.add(new Mirror(rig, 12))
    await rig.done()
    const size = rig.subject.layout.size
    expect(peer.intake.payload.total).toBeGreaterThan(size / 8)
    expect(mirror.intake.payload.total).toBeGreaterThan(size / 2)
    expect(peer.intake.payload.total + mirror.intake.payload.total).toBe(size + rig.downloads.wasted)
    expect(rig.downloads.wasted).toBeLessThan(8 * 16 * KIB)
    const average = mirror.ranges.reduce((sum, range) => sum + range, 0) / mirror.ranges.length
    expect(average).toBeGreaterThan(4)
    expect([mirror.origin.standing, peer.origin.standing]).toEqual([8, 8])
  })

  it('downloads alone', async () => {
    const rig = new Rig(16, 64 * KIB)
    const mirror = rig.add(new Mirror(rig, 12))
    await rig.done()
    expect(mirror.delivered).toHaveLength(64)
    expect(new Set(mirror.delivered).size).toBe(64)
    expect(rig.downloads.wasted).toBe(0)
  })

  it('is banned for wrong data, and the peer brings what it spoiled', async () => {
    const rig = new Rig(32, 64 * KIB)
    const mirror = rig.add(new Mirror(rig, 8))
    mirror.spoils = true
    const peer = rig.add(new PeerSource(rig, 4))
    await rig.done()
    expect(rig.banned).toEqual([mirror.origin.key])
    expect(mirror.code).toBe('torrent/corrupt-data')
    expect(peer.origin.standing).toBeGreaterThan(0)
    expect(rig.downloads.wasted).toBeGreaterThan(0)
  })

  it('gives its blocks to others when it stalls, and writes no more to the memory of one that is cancelled', async () => {
    const rig = new Rig(16, 64 * KIB)
    const mirror = rig.add(new Mirror(rig, 4))
    await rig.run(() => mirror.delivered.length > 4)
    mirror.blocksPerStep = 0
    const arriving = mirror.arriving
    rig.add(new PeerSource(rig, 8))
    await rig.run(() => mirror.picks.isSnubbed || rig.picker.isDone)
    expect(mirror.cancelled).toContain(arriving)
    await rig.done()
    const wasted = rig.downloads.wasted
    mirror.blocksPerStep = 1
    mirror.pump(rig.now)
    expect(mirror.delivered.at(-1)).toBe(arriving)
    expect(rig.downloads.wasted - wasted).toBe(16 * KIB)
  })

  it('has the end-game: the last blocks of a slow peer are repeated, and cancelled where they are late', async () => {
    const rig = new Rig(8, 64 * KIB)
    const peer = rig.add(new PeerSource(rig, 4))
    await rig.run(() => peer.outstanding > 0 && peer.intake.payload.total > 0)
    peer.blocksPerStep = 0
    const mirror = rig.add(new Mirror(rig, 4))
    await rig.done()
    expect(rig.now).toBeLessThan(15_000)
    expect(mirror.intake.payload.total).toBeGreaterThan(0)
  })

  it('leaves its blocks to others when it ends', async () => {
    const rig = new Rig(16, 64 * KIB)
    const mirror = rig.add(new Mirror(rig, 4))
    await rig.run(() => mirror.delivered.length > 4)
    rig.add(new PeerSource(rig, 8))
    mirror.end('test/over')
    await rig.done()
    expect(mirror.delivered.length).toBeLessThan(64)
  })
})
