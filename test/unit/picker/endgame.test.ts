import { describe, expect, it } from 'vitest'
import type { PickerPeer } from '../../../src/picker/picker.js'
import { pieceList, swarm } from './drawing.js'

describe('end-game', () => {
  it('repeats requests at idle peers once everything is requested, at most three times', () => {
    const all = '******'
    const { picker, peers, pick } = swarm('****..', [all, all, all, all], { blocks: 2 })
    expect(pick(0, 4).split(' ')).toHaveLength(4)
    const copies = new Map<string, number>()
    for (const peer of [1, 2, 3]) {
      for (const block of pick(peer, 9).split(' ').filter(Boolean)) {
        copies.set(block, (copies.get(block) ?? 1) + 1)
      }
    }
    expect([...copies.values()]).toEqual([3, 3, 3, 3])
    expect(peers.map((peer) => peer.outstanding)).toEqual([4, 4, 4, 0])
    expect(picker.stats.requestedBlocks).toBe(12)
  })

  it('names the others to cancel when a block arrives', () => {
    const { picker, peers, pick } = swarm('****.', ['*****', '*****', '*****'], { blocks: 1 })
    pick(0, 1)
    pick(1, 1)
    pick(2, 1)
    const cancels: PickerPeer<string>[] = []
    expect(picker.received(peers[1]!, 4, 0, cancels)).toBe('fresh')
    expect(cancels.map((peer) => peer.owner).sort()).toEqual(['a', 'c'])
    expect(peers.map((peer) => peer.outstanding)).toEqual([0, 0, 0])
    expect(picker.received(peers[0]!, 4, 0, cancels)).toBe('duplicate')
    expect(picker.contributors(4)).toEqual(['b'])
    picker.checkInvariants()
  })

  it('is not for busy, snubbed or choked peers, nor while free blocks are left', () => {
    const { picker, peers, pick } = swarm('****..', ['******', '*****.', '******'], { blocks: 1 })
    expect(pick(1, 1)).toBe('4.0')
    picker.setSnubbed(peers[0]!, true)
    pick(0, 1)
    expect(pick(0, 1)).toBe('')
    picker.setSnubbed(peers[2]!, true)
    expect(pick(2, 2)).toBe('')
    picker.setSnubbed(peers[2]!, false)
    picker.choked(peers[2]!)
    expect(pick(2, 2)).toBe('')
    picker.unchoked(peers[2]!)
    picker.dropRequests(peers[0]!)
    // Piece 5 is free again: there is no need to repeat the request for piece 4.
    expect(pick(2, 1)).toBe('5.0')
    expect(pick(0, 1)).toBe('')
    picker.setSnubbed(peers[0]!, false)
    expect(pick(0, 1)).toMatch(/^[45]\.0$/)
  })

  it('repeats only slow requests while others can still work', () => {
    const { pick } = swarm('****..', ['******', '****.*'], { blocks: 1, maxOpenPieces: 1 })
    const [piece] = pieceList(pick(0, 1, 0))
    if (piece === 5) {
      expect(pick(1, 1, 100)).toBe('')
      expect(pick(1, 1, 3100)).toBe('5.0')
    } else expect(pick(1, 1, 3100)).toBe('')
  })

  it('looks again when a request was dropped', () => {
    const { picker, peers, pick } = swarm('****.', ['*****', '*****', '*****', '*****'], { blocks: 1 })
    for (const peer of [0, 1, 2]) expect(pick(peer, 1)).toBe('4.0')
    expect(pick(3, 1)).toBe('')
    expect(pick(3, 1)).toBe('')
    picker.dropRequests(peers[1]!)
    expect(pick(3, 1)).toBe('4.0')
    picker.removePeer(peers[0]!)
    picker.removePeer(peers[2]!)
    picker.checkInvariants()
    expect([...picker.blockStates(4)]).toEqual([1])
  })
})

describe('deadlines', () => {
  it('come before everything else, soonest first', () => {
    const { picker, pick } = swarm('....7...', ['********'], { blocks: 2 })
    picker.setDeadline(6, 900)
    picker.setDeadline(2, 500)
    picker.setDeadline(7, 700)
    picker.setDeadline(7, undefined)
    picker.setDeadline(99, 1)
    expect(pieceList(pick(0, 5))).toEqual([2, 6, 4])
  })

  it('are forgotten with the piece, and moved when set again', () => {
    const { picker, pick } = swarm('........', ['********'])
    picker.setDeadline(3, 10)
    picker.setDeadline(5, 20)
    picker.setDeadline(3, 30)
    expect(pieceList(pick(0, 1))).toEqual([5])
    picker.verified(3)
    picker.setDeadline(3, 5)
    picker.setPriority(6, 0)
    picker.setDeadline(6, 1)
    expect(pieceList(pick(0, 8)).includes(6)).toBe(false)
  })

  it('repeat late requests of slower peers at faster ones', () => {
    const all = '********'
    const { picker, peers, pick } = swarm('........', [all, all, all], { blocks: 1 })
    picker.setDeadline(3, 4000)
    expect(pick(0, 1, 0)).toBe('3.0')
    picker.setFastRun(peers[1]!, 10)
    expect(pieceList(pick(1, 1, 500))).not.toEqual([3])
    expect(pick(1, 1, 1000)).toBe('3.0')
    // Not at one that is no faster, nor one that has it already.
    expect(pieceList(pick(2, 1, 2000))).not.toEqual([3])
    expect(pieceList(pick(1, 1, 2000))).not.toEqual([3])
    const cancels: PickerPeer<string>[] = []
    picker.received(peers[1]!, 3, 0, cancels)
    expect(cancels).toEqual([peers[0]])
  })

  it('wait for a place under the open limit', () => {
    const { picker, pick } = swarm('........', ['********'], { maxOpenPieces: 1 })
    const [piece] = pieceList(pick(0, 1))
    const due = piece === 0 ? 1 : 0
    picker.setDeadline(due, 1)
    expect(pick(0, 1)).toBe('')
    picker.verified(piece!)
    expect(pick(0, 1)).toBe(`${due}.0`)
  })
})
