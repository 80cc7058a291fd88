import { describe, expect, it } from 'vitest'
import { BLOCK_LENGTH, type Block, Layout } from '../../../src/metainfo/layout.js'
import { Picker, type PickerPeer } from '../../../src/picker/picker.js'
import { Bitfield } from '../../../src/util/bitfield.js'
import { layoutOf, pieceList, seeded, swarm } from './drawing.js'

describe('blocks of a piece', () => {
  it('go free, requested, received, verified', () => {
    const { picker, pick, deliver, draw, peers } = swarm('***.', ['****'], { blocks: 4 })
    expect(draw()).toBe('***.')
    expect(pick(0, 2)).toBe('3.0 3.1')
    expect(draw()).toBe('***{??..}')
    deliver(0)
    expect(draw()).toBe('***{##..}')
    expect(picker.isComplete(3)).toBe(false)
    expect(pick(0, 9)).toBe('3.2 3.3')
    expect(peers[0]!.outstanding).toBe(2)
    expect(picker.stats).toMatchObject({ openPieces: 1, requestedBlocks: 2 })
    deliver(0)
    expect(draw()).toBe('****')
    expect(picker.isDone).toBe(true)
    expect([...picker.blockStates(3)]).toEqual([2, 2, 2, 2])
    expect(peers[0]!.outstanding).toBe(0)
  })

  it('are shared by several peers when few pieces may be open', () => {
    const all = '*'.repeat(8)
    const { pick, draw, picker } = swarm('........', [all, all, all], { blocks: 4, maxOpenPieces: 1 })
    const piece = pieceList(pick(0, 1))[0]!
    expect(pick(1, 2)).toBe(`${piece}.1 ${piece}.2`)
    expect(pick(2, 3)).toBe(`${piece}.3`)
    expect(picker.starved).toBe(true)
    expect(draw()).toContain('{????}')
    expect(picker.openPieces).toBe(1)
    picker.maxOpenPieces = 2
    expect(picker.maxOpenPieces).toBe(2)
    expect(pick(2, 3).split(' ')).toHaveLength(3)
  })

  it('have a short last block and piece', () => {
    const picker = new Picker<string>({ layout: layoutOf(2, 3, BLOCK_LENGTH + 5), random: seeded(1) })
    const peer = picker.addPeer('a')
    picker.unchoked(peer)
    picker.setPieces(peer, Bitfield.full(2))
    const out: Block[] = []
    picker.pick(peer, 9, 0, out)
    expect(out.filter((block) => block.piece === 1).map((block) => [block.begin, block.length])).toEqual([
      [0, BLOCK_LENGTH],
      [BLOCK_LENGTH, 5],
    ])
    expect(out).toHaveLength(5)
  })

  it('come back when their peer drops them, chokes, or leaves', () => {
    const { picker, peers, pick, draw } = swarm('****.', ['*****', '*****'], { blocks: 4 })
    pick(0, 2)
    pick(1, 2)
    expect(draw()).toBe('****{????}')
    picker.dropRequests(peers[0]!)
    expect(draw()).toBe('****{..??}')
    expect(peers[0]!.outstanding).toBe(0)
    picker.removePeer(peers[1]!)
    expect(draw()).toBe('****{....}')
    expect(pick(1, 1)).toBe('')
    expect(pick(0, 9)).toBe('4.0 4.1 4.2 4.3')
    expect(picker.dropRequest(peers[0]!, 4, BLOCK_LENGTH)).toBe(true)
    expect(picker.dropRequest(peers[0]!, 4, BLOCK_LENGTH)).toBe(false)
    expect(picker.dropRequest(peers[0]!, 3, 0)).toBe(false)
    expect(picker.dropRequest(peers[0]!, 4, 4 * BLOCK_LENGTH)).toBe(false)
    expect(pick(0, 9)).toBe('4.1')
  })

  it('are handed out in ascending order again, however far the piece was', () => {
    const { picker, peers, pick } = swarm('****.', ['*****', '*****'], { blocks: 100 })
    pick(0, 2)
    pick(1, 90)
    picker.dropRequests(peers[0]!)
    expect(pick(1, 3)).toBe('4.0 4.1 4.92')
  })

  it('of a piece that a peer got later are offered to it', () => {
    const { picker, peers, pick } = swarm('****..', ['******', '****..'], { blocks: 4 })
    const [piece] = pieceList(pick(0, 1))
    expect(pick(1, 2)).toBe('')
    expect(pick(1, 2)).toBe('')
    picker.peerHas(peers[1]!, piece!)
    expect(pick(1, 2)).toBe(`${piece}.1 ${piece}.2`)
  })

  it('are taken when they arrive after all, and are duplicates when not needed', () => {
    const { picker, peers, pick, draw } = swarm('****..', ['******', '******'], { blocks: 2 })
    const [piece] = pieceList(pick(0, 2))
    picker.dropRequests(peers[0]!)
    expect(picker.received(peers[0]!, piece!, 0, [])).toBe('fresh')
    expect(picker.received(peers[0]!, piece!, 0, [])).toBe('duplicate')
    expect(picker.received(peers[0]!, 0, 0, [])).toBe('duplicate')
    expect(picker.received(peers[0]!, piece! === 4 ? 5 : 4, 0, [])).toBe('duplicate')
    expect(picker.received(peers[0]!, piece!, 9 * BLOCK_LENGTH, [])).toBe('duplicate')
    expect(draw()).toContain('{#.}')
  })

  it('go on where the peer was, and prefer what is nearly done', () => {
    const all = '*'.repeat(6)
    const { pick, peers, picker } = swarm('****..', [all, all, all], { blocks: 8 })
    const [first] = pieceList(pick(0, 6))
    picker.setFastRun(peers[1]!, 8)
    const [second] = pieceList(pick(1, 2))
    expect(second).not.toBe(first)
    expect(pick(0, 1)).toBe(`${first}.6`)
    expect(pick(1, 1)).toBe(`${second}.2`)
    // A slow newcomer shares, first the piece of which less is left.
    expect(pieceList(pick(2, 3))).toEqual([first, second])
    // A fast one has no choice either when nothing else is left.
    picker.dropRequests(peers[0]!)
    picker.setFastRun(peers[0]!, 100)
    expect(pieceList(pick(0, 20)).sort()).toEqual([first!, second!].sort())
  })
})

describe('failed pieces', () => {
  it('name their contributors, also those who left, and start over', () => {
    const { picker, peers, pick, deliver, draw } = swarm('****.', ['*****', '*****'], { blocks: 3 })
    pick(0, 1)
    deliver(0)
    pick(1, 2)
    const owners: string[] = []
    for (const begin of [BLOCK_LENGTH, 2 * BLOCK_LENGTH]) picker.received(peers[1]!, 4, begin, [])
    expect(picker.isComplete(4)).toBe(true)
    picker.removePeer(peers[0]!)
    expect(picker.contributors(4)).toEqual(['a', 'b'])
    owners.push(...picker.failed(4))
    expect(owners).toEqual(['a', 'b'])
    expect(draw()).toBe('****.')
    expect(picker.contributors(4)).toEqual([])
    picker.checkInvariants()
    expect(pick(1, 3)).toBe('4.0 4.1 4.2')
    expect(picker.failed(4)).toEqual([])
    expect(peers[1]!.outstanding).toBe(0)
    picker.checkInvariants()
  })

  it('may be verified while blocks of them are requested', () => {
    const { picker, peers, pick } = swarm('....', ['****'], { blocks: 3 })
    const [piece] = pieceList(pick(0, 2))
    picker.verified(piece!)
    picker.verified(piece!)
    expect(peers[0]!.outstanding).toBe(0)
    expect(picker.have.count).toBe(1)
    picker.checkInvariants()
    picker.unverify(piece!)
    picker.unverify(piece!)
    picker.checkInvariants()
    expect(picker.have.isEmpty).toBe(true)
  })
})

describe('restore', () => {
  it('opens a piece with blocks of an earlier run', () => {
    const { picker, pick, draw, peers } = swarm('*...', ['****'], { blocks: 3, maxOpenPieces: 1 })
    picker.restore(2, [1, 1, 7, -1])
    picker.restore(2, [0])
    picker.restore(0, [0])
    picker.restore(1, [])
    expect(draw()).toBe('*.{.#.}.')
    expect(pick(0, 9)).toBe('2.0 2.2')
    for (const begin of [0, 2 * BLOCK_LENGTH]) picker.received(peers[0]!, 2, begin, [])
    expect(picker.isComplete(2)).toBe(true)
    expect(picker.failed(2)).toEqual(['a'])
    picker.checkInvariants()
  })
})

describe('evict', () => {
  it('gives up a piece that nobody works on, so that others can be opened', () => {
    const { picker, peers, pick, draw } = swarm('.......', ['**.....', '..*****'], {
      blocks: 2,
      maxOpenPieces: 2,
    })
    pick(0, 3)
    expect(pick(1, 1)).toBe('')
    expect(picker.starved).toBe(true)
    expect(picker.evict(0)).toBeUndefined()
    const [half, ...rest] = picker.open()
    picker.received(peers[0]!, half!, 0, [])
    picker.received(peers[0]!, rest[0]!, 0, [])
    picker.dropRequests(peers[0]!)
    // Both have data: only after 30 s of idleness.
    expect(picker.evict(29_999)).toBeUndefined()
    expect(picker.evict(30_000)).toBeDefined()
    picker.checkInvariants()
    expect(pick(1, 2, 30_000).split(' ')).toHaveLength(2)
    expect(picker.starved).toBe(false)
    expect(draw()).toContain('??')
    picker.dropRequests(peers[1]!)
    // An open piece without any block goes at once.
    expect(picker.open()).toContain(picker.evict(30_000)!)
    picker.setPriorities(new Array<number>(7).fill(0))
    expect(picker.isDone).toBe(true)
    expect(picker.evict(30_000)).toBeDefined()
    expect(picker.openPieces).toBe(0)
  })
})

describe('rejects and chokes', () => {
  it('do not ask the peer for that piece again at once', () => {
    const { picker, peers, pick } = swarm('****..', ['******', '******'], { blocks: 2 })
    const [piece] = pieceList(pick(0, 1, 1000))
    picker.rejected(peers[0]!, piece!, 0)
    picker.rejected(peers[0]!, piece!, 0)
    picker.rejected(peers[0]!, 0, 0)
    const other = piece === 4 ? 5 : 4
    expect(pick(0, 9, 2000)).toBe(`${other}.0 ${other}.1`)
    expect(pick(0, 9, 10_999)).toBe('')
    expect(pick(1, 1, 11_000)).toBe(`${piece}.0`)
    expect(pick(0, 9, 11_000)).toBe(`${piece}.1`)
  })

  it('hold for a piece that was closed meanwhile, too', () => {
    const { picker, peers, pick } = swarm('****.', ['*****'], { blocks: 2 })
    pick(0, 1, 1000)
    picker.rejected(peers[0]!, 4, 0)
    expect(picker.evict(1000)).toBe(4)
    expect(pick(0, 1, 2000)).toBe('')
    expect(pick(0, 1, 3000)).toBe('')
    expect(pick(0, 1, 11_000)).toBe('4.0')
  })

  it('ask again after the peer choked and unchoked us', () => {
    const { picker, peers, pick } = swarm('****.', ['*****'], { blocks: 2 })
    pick(0, 2)
    picker.choked(peers[0]!)
    picker.rejected(peers[0]!, 4, 0)
    picker.rejected(peers[0]!, 4, BLOCK_LENGTH)
    expect(pick(0, 2)).toBe('')
    picker.unchoked(peers[0]!)
    expect(pick(0, 2)).toBe('4.0 4.1')
  })

  it('ask a peer that rejects everything for nothing more', () => {
    const { picker, peers, pick } = swarm('.'.repeat(200), ['*'.repeat(200)])
    let asked = 0
    for (let round = 0; round < 500; round++) {
      for (const block of pick(0, 4, 50).split(' ').filter(Boolean)) {
        asked++
        picker.rejected(peers[0]!, Number.parseInt(block, 10), 0)
      }
    }
    expect(asked).toBeLessThanOrEqual(68)
    expect(pick(0, 4, 10_050).split(' ')).toHaveLength(4)
  })

  it('leave only the allowed-fast pieces while choked', () => {
    const { picker, peers, pick } = swarm('****....', ['******.*'], { blocks: 2 })
    picker.choked(peers[0]!)
    expect(pick(0, 9)).toBe('')
    for (const piece of [0, 5, 6, 7, 900]) picker.allowFast(peers[0]!, piece)
    expect(pick(0, 3)).toBe('5.0 5.1 7.0')
    picker.rejected(peers[0]!, 7, 0)
    expect(pick(0, 3)).toBe('')
    picker.unchoked(peers[0]!)
    expect(pieceList(pick(0, 9)).sort()).toEqual([4, 7])
  })

  it('respect the open limit for allowed-fast pieces', () => {
    const { peers, pick, picker } = swarm('....', ['****'], { blocks: 2, maxOpenPieces: 1 })
    picker.choked(peers[0]!)
    for (const piece of [1, 2]) picker.allowFast(peers[0]!, piece)
    expect(pick(0, 9)).toBe('1.0 1.1')
    expect(picker.starved).toBe(true)
    for (let piece = 1000; piece > 500; piece--) picker.allowFast(peers[0]!, piece)
    expect(pick(0, 9)).toBe('')
    expect(peers[0]!.allowedFast.size).toBe(64)
  })
})

describe('construction', () => {
  it('refuses a set of another length', () => {
    const layout = layoutOf(4, 1)
    expect(() => new Picker({ layout, random: seeded(1), have: new Bitfield(5) })).toThrow(RangeError)
  })

  it('works without any piece', () => {
    const picker = new Picker({ layout: new Layout([], 16_384), random: seeded(1) })
    const peer = picker.addPeer('a')
    picker.unchoked(peer)
    picker.setPieces(peer, new Bitfield(0))
    expect(picker.isDone).toBe(true)
    expect(picker.pick(peer, 4, 0, [])).toBe(0)
    expect(picker.stats.distributedCopies).toBe(0)
    picker.checkInvariants()
  })

  it('ignores a peer that was removed', () => {
    const { picker, peers } = swarm('....', ['**..'])
    const peer = peers[0] as PickerPeer<string>
    picker.removePeer(peer)
    picker.peerHas(peer, 3)
    picker.peerLost(peer, 0)
    picker.setPieces(peer, Bitfield.full(4))
    expect([0, 1, 2, 3].map((piece) => picker.availability(piece))).toEqual([0, 0, 0, 0])
    picker.checkInvariants()
  })
})
