import { describe, expect, it } from 'vitest'
import { Bitfield } from '../../../src/util/bitfield.js'
import { pieceList, swarm } from './drawing.js'

describe('rarest first', () => {
  it('opens the pieces with fewest copies first', () => {
    // Four pieces verified: past the random start. Copies of 4 .. 9: 3 1 2 3 1 2.
    const { pick } = swarm('****......', [
      '**********',
      '****.*....',
      '****.**.*.',
      '*****.*..*',
      '*****..*.*',
    ])
    const counts = [2, 2, 2, 1, 1, 2]
    const order = pieceList(pick(0, 6))
    expect(order).toHaveLength(6)
    expect(order.map((piece) => counts[piece - 4])).toEqual([1, 1, 2, 2, 2, 2])
  })

  it('follows haves, losses and leaving peers', () => {
    const { picker, peers, pick } = swarm('****....', ['********', '****....', '****....', '****.***'])
    picker.peerHas(peers[1]!, 4)
    picker.peerHas(peers[2]!, 4)
    picker.peerHas(peers[1]!, 5)
    picker.peerLost(peers[3]!, 7)
    expect([4, 5, 6, 7].map((piece) => picker.availability(piece))).toEqual([3, 3, 2, 1])
    expect(pieceList(pick(0, 2))).toEqual([7, 6])
    picker.removePeer(peers[1]!)
    expect([4, 5].map((piece) => picker.availability(piece))).toEqual([2, 2])
    picker.checkInvariants()
    picker.removePeer(peers[2]!)
    expect(pieceList(pick(0, 1))).toEqual([4])
  })

  it('takes any of equally rare pieces, another with another seed, the same with the same', () => {
    const first = (seed: number): string => swarm('.'.repeat(64), ['*'.repeat(64)], { seed }).pick(0, 8)
    expect(first(1)).toBe(first(1))
    expect(new Set([1, 2, 3, 4, 5].map(first)).size).toBe(5)
  })

  it('takes a suggested piece first where it is as rare as any, and only there', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { picker, peers, pick } = swarm('****........', ['************', '....*...****'], { seed })
      for (const piece of [9, 6, 0]) picker.suggested(peers[0]!, piece)
      const order = pieceList(pick(0, 8))
      expect(order[0]).toBe(6)
      expect(order[3]).toBe(9)
      expect(order.slice(0, 3).sort()).toEqual([5, 6, 7])
      expect(order).toHaveLength(8)
      picker.checkInvariants()
    }
  })

  it('forgets all but the latest suggestions, and takes none of a piece that the peer lacks', () => {
    const first = (seed: number, suggestions: readonly number[]): number[] => {
      const row = `${'*'.repeat(34)}${'.'.repeat(30)}`
      const { picker, peers, pick } = swarm(`****${'.'.repeat(60)}`, [row], { seed })
      for (const piece of suggestions) picker.suggested(peers[0]!, piece)
      return pieceList(pick(0, 1))
    }
    const lacking = Array.from({ length: 16 }, (_, i) => 40 + i)
    const seeds = [1, 2, 3, 4, 5, 6]
    expect(seeds.map((seed) => first(seed, [...lacking, 20])[0])).toEqual(seeds.map(() => 20))
    expect(seeds.map((seed) => first(seed, [20, ...lacking])[0])).not.toEqual(seeds.map(() => 20))
  })

  it('starts at random: the rarest piece is not everybody’s first', () => {
    const firsts = new Set<number>()
    for (let seed = 1; seed <= 20; seed++) {
      const { pick } = swarm('........', ['********', '.*******', '.*******'], { seed })
      firsts.add(pieceList(pick(0, 1))[0]!)
    }
    expect(firsts.size).toBeGreaterThan(3)
  })

  it('gives snubbed peers the most common pieces', () => {
    const { picker, peers, pick } = swarm('****....', ['********', '****...*', '****..**', '****.***'])
    picker.setSnubbed(peers[0]!, true)
    expect(pieceList(pick(0, 3))).toEqual([7, 6, 5])
  })

  it('puts priority above rarity, and leaves priority 0 out', () => {
    const { picker, pick } = swarm('****1470', ['********', '****.*.*', '....*.**'])
    expect(pieceList(pick(0, 8))).toEqual([6, 5, 4])
    expect(picker.isDone).toBe(false)
  })

  it('obeys priorities that change', () => {
    const { picker, pick } = swarm('****........', ['*'.repeat(12)])
    picker.setPriority(9, 7)
    expect(pieceList(pick(0, 1))).toEqual([9])
    picker.setPriorities([4, 4, 4, 4, 0, 0, 0, 1, 1, 0, 2, 0])
    expect(picker.wanted(4)).toBe(false)
    expect(pieceList(pick(0, 9)).slice(0, 1)).toEqual([10])
    picker.setPriority(4, 7)
    expect(pieceList(pick(0, 9))).toEqual([4])
    expect(() => picker.setPriority(1, 8)).toThrow(RangeError)
    expect(() => picker.setPriority(12, 1)).toThrow(RangeError)
    expect(() => picker.setPriorities([1])).toThrow(RangeError)
    expect(() => picker.setPriorities(new Array<number>(12).fill(1.5))).toThrow(RangeError)
  })

  it('goes by index when sequential, within each priority', () => {
    const { picker, pick, peers } = swarm('..6...6...', ['**********', '.*.*.*.*.*'])
    picker.sequential = true
    expect(picker.sequential).toBe(true)
    expect(pieceList(pick(1, 2))).toEqual([1, 3])
    expect(pieceList(pick(0, 4))).toEqual([2, 6, 0, 4])
    picker.dropRequests(peers[1]!)
    expect(pieceList(pick(0, 3))).toEqual([1, 3, 5])
  })

  it('finds the one wanted piece of a peer among many', () => {
    const mine = `${'.*'.repeat(5000)}.`
    const row = Array.from(mine, (_, i) => (i % 2 === 1 || i === 7778 ? '*' : '.')).join('')
    const { pick, picker, peers } = swarm(mine, [row, '*'.repeat(10_001)])
    expect(picker.isInteresting(peers[0]!)).toBe(true)
    expect(pick(0, 4)).toBe('7778.0')
    expect(pick(0, 4)).toBe('')
    picker.verified(7778)
    expect(picker.isInteresting(peers[0]!)).toBe(false)
    picker.peerHas(peers[0]!, 0)
    expect(picker.isInteresting(peers[0]!)).toBe(true)
    expect(pick(0, 4)).toBe('0.0')
  })

  it('serves peers that have only the common half, without giving a piece twice', () => {
    const row = '.'.repeat(1000) + '*'.repeat(1000)
    const { picker, pick, peers } = swarm('.'.repeat(2000), [row, row, '*'.repeat(2000)])
    for (let piece = 0; piece < 4; piece++) picker.verified(piece)
    const order: number[] = []
    for (let round = 0; round < 50; round++) order.push(...pieceList(pick(round % 2, 20)))
    expect(new Set(order).size).toBe(1000)
    expect(order.every((piece) => piece >= 1000)).toBe(true)
    expect(pick(0, 10)).toBe('')
    picker.setSnubbed(peers[0]!, true)
    picker.dropRequests(peers[0]!)
    expect(pieceList(pick(0, 10))).toHaveLength(10)
  })

  it('prefers the rarer pieces of such a peer, or the more common when it is snubbed', () => {
    const mine = `${'.'.repeat(1800)}${'*'.repeat(200)}`
    const others = `${'.'.repeat(1800)}${'*'.repeat(150)}${'.'.repeat(20)}${'*'.repeat(30)}`
    const most = `${'.'.repeat(1990)}${'*'.repeat(10)}`
    const rows = [mine, others, others, most, `${'*'.repeat(1800)}${'.'.repeat(200)}`]
    const { picker, pick, peers } = swarm('.'.repeat(2000), rows)
    for (let piece = 0; piece < 4; piece++) picker.verified(piece)
    // Three copies and more are hidden behind 1,800 pieces with one.
    const rare = pieceList(pick(0, 20))
    expect(rare.every((piece) => piece >= 1950 && piece < 1970)).toBe(true)
    picker.setSnubbed(peers[0]!, true)
    const common = pieceList(pick(0, 10))
    expect(common.every((piece) => piece >= 1990)).toBe(true)
  })

  it('returns to an early piece that failed when sequential', () => {
    const { picker, pick } = swarm('.'.repeat(200), ['*'.repeat(200)])
    picker.sequential = true
    expect(pieceList(pick(0, 100)).at(-1)).toBe(99)
    picker.failed(3)
    expect(pieceList(pick(0, 2))).toEqual([3, 100])
  })

  it('opens adjacent small pieces in a row', () => {
    const { pick } = swarm(`****${'.'.repeat(8188)}`, ['*'.repeat(8192)])
    const order = pieceList(pick(0, 32))
    expect(order[0]! % 32).toBe(order[0]! < 32 ? 4 : 0)
    expect(order).toEqual(order.map((_, i) => order[0]! + i))
  })
})

describe('seeds', () => {
  it('are one counter, until they lose a piece', () => {
    const { picker, peers, pick } = swarm('....', ['****', '****', '**..'])
    expect(peers[0]!.isSeed).toBe(true)
    expect(picker.stats).toMatchObject({ rarest: 2, distributedCopies: 2.5, missingPieces: 4 })
    picker.peerLost(peers[0]!, 0)
    picker.checkInvariants()
    expect(peers[0]!.isSeed).toBe(false)
    expect([0, 1, 2, 3].map((piece) => picker.availability(piece))).toEqual([2, 3, 2, 2])
    picker.peerHas(peers[0]!, 0)
    expect(picker.availability(0)).toBe(3)
    picker.peerHas(peers[1]!, 0)
    expect(picker.availability(0)).toBe(3)
    expect(pieceList(pick(0, 4))).toHaveLength(4)
    picker.setPieces(peers[0]!, new Bitfield(4))
    picker.removePeer(peers[1]!)
    picker.removePeer(peers[1]!)
    picker.checkInvariants()
    expect([0, 1, 2, 3].map((piece) => picker.availability(piece))).toEqual([1, 1, 0, 0])
    expect(picker.stats.distributedCopies).toBe(0.5)
  })

  it('are interesting as long as something is missing', () => {
    const { picker, peers } = swarm('**', ['**'])
    expect(picker.isDone).toBe(true)
    expect(picker.isInteresting(peers[0]!)).toBe(false)
    expect(picker.stats).toMatchObject({ missingPieces: 0, rarest: 0 })
    picker.unverify(0)
    expect(picker.isDone).toBe(false)
    expect(picker.isInteresting(peers[0]!)).toBe(true)
  })
})
