import { describe, expect, it } from 'vitest'
import { pieceList, swarm } from './drawing.js'

describe('a peer on parole', () => {
  const all = '****'

  it('gets pieces that nobody else works on, and keeps them for itself', () => {
    const { picker, peers, pick } = swarm('....', [all, all], { blocks: 4 })
    const shared = pieceList(pick(0, 2))[0] as number
    picker.setParole(peers[1]!, true)
    const own = [...new Set(pieceList(pick(1, 2)))]
    expect(own).toHaveLength(1)
    expect(own).not.toContain(shared)
    expect(pieceList(pick(0, 9))).not.toContain(own[0])
    expect([...new Set(pieceList(pick(1, 2)))]).toEqual(own)
  })

  it('works with the others where nothing is left for it alone', () => {
    const { picker, peers, pick } = swarm('***.', [all, all], { blocks: 4 })
    picker.setParole(peers[1]!, true)
    expect(pick(0, 2)).toBe('3.0 3.1')
    expect(pick(1, 2)).toBe('3.2 3.3')
  })

  it('does not keep its piece when it snubs, leaves, ends its parole, or takes too long', () => {
    const left = (change: (own: ReturnType<typeof swarm>) => void, now = 0): string => {
      const drawn = swarm('***.', [all, all], { blocks: 4 })
      drawn.picker.setParole(drawn.peers[1]!, true)
      drawn.pick(1, 2, 0)
      expect(drawn.pick(0, 9, 0)).toBe('')
      change(drawn)
      return drawn.pick(0, 9, now)
    }
    expect(left(() => {})).toBe('')
    expect(left(({ picker, peers }) => picker.setSnubbed(peers[1]!, true))).toContain('3.2 3.3')
    expect(left(({ picker, peers }) => picker.setParole(peers[1]!, false))).toContain('3.2 3.3')
    expect(left(({ picker, peers }) => picker.removePeer(peers[1]!))).toContain('3.0 3.1 3.2 3.3')
    expect(left(() => {}, 60_000)).toContain('3.2 3.3')
  })

  it('tells who sent which block', () => {
    const { picker, pick, deliver } = swarm('***.', [all, all], { blocks: 4 })
    pick(0, 2)
    pick(1, 1)
    deliver(0)
    deliver(1)
    expect(picker.senders(3)).toEqual(['a', 'a', 'b', undefined])
    expect(picker.senders(0)).toEqual([])
  })
})
