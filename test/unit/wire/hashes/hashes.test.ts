import { describe, expect, it } from 'vitest'
import type { HashTree } from '../../../../src/metainfo/hash-tree.js'
import { HashTrees } from '../../../../src/metainfo/hash-trees.js'
import { Layout } from '../../../../src/metainfo/layout.js'
import { LeafHasher } from '../../../../src/metainfo/merkle.js'
import { Bitfield } from '../../../../src/util/bitfield.js'
import { HashRequester } from '../../../../src/wire/hashes/requester.js'
import { HashServer } from '../../../../src/wire/hashes/server.js'
import type { HashRequest } from '../../../../src/wire/message.js'
import { v2Content, withoutLayers } from '../../../support/v2.js'

const BLOCK = 16_384

/** 1100 pieces of one block in three runs, and a second file of 5 pieces. */
const wide = v2Content([1100 * BLOCK - 5, 5 * BLOCK], BLOCK)
/** Two pieces of four blocks, and a file of one piece. */
const deep = v2Content([8 * BLOCK, 3 * BLOCK], 4 * BLOCK)

function asker(content = wide) {
  const trees = new HashTrees(withoutLayers(content).metainfo)
  const source = new HashTrees(content.metainfo)
  const full = Bitfield.full(content.metainfo.pieceCount)
  const answer = (request: HashRequest, leaves?: Uint8Array) =>
    (source.byRoot(request.root) as HashTree).hashes(request, leaves) as Uint8Array
  return { trees, ask: new HashRequester<string>(trees), full, answer }
}

function leavesOf(content: typeof deep, piece: number): Uint8Array {
  const { layout } = content.metainfo
  const hasher = new LeafHasher(layout.blockCount(piece))
  hasher.update(content.data.subarray(piece * layout.pieceLength).subarray(0, layout.pieceSize(piece)))
  return hasher.finish()
}

describe('asking for hashes', () => {
  it('asks for each run of each file once, of who has a piece of it', () => {
    const { ask, trees, full, answer } = asker()
    ask.addPeer('all', () => full)
    const one = new Bitfield(full.length)
    one.add(700)
    ask.addPeer('one', () => one)
    const first = ask.next('one', 0) as HashRequest
    expect(first).toMatchObject({ base: 0, index: 512, length: 512, proofs: 10 })
    expect(ask.next('one', 0)).toBeUndefined()
    const rest = [1, 2, 3].map(() => ask.next('all', 0) as HashRequest)
    expect(rest.map(({ index, length }) => [index, length])).toEqual([
      [0, 512],
      [1024, 512],
      [0, 8],
    ])
    expect(ask.next('all', 0)).toBeUndefined()
    for (const request of rest) expect(ask.received('all', request, answer(request))).toBe('ok')
    expect(trees.isComplete).toBe(false)
    expect(ask.received('one', first, answer(first))).toBe('ok')
    expect(trees.isComplete).toBe(true)
    expect(ask.isBusy).toBe(false)
  })

  it('has at most four requests under way at a peer, and none at one without pieces', () => {
    const many = v2Content(
      Array.from({ length: 9 }, () => 2 * BLOCK),
      BLOCK,
      { seed: 3 },
    )
    const { ask, full } = asker(many)
    ask.addPeer('a', () => full)
    ask.addPeer('none', () => undefined)
    expect(Array.from({ length: 9 }, () => ask.next('a', 0)).filter(Boolean)).toHaveLength(4)
    expect(ask.next('none', 0)).toBeUndefined()
    expect(ask.next('stranger', 0)).toBeUndefined()
  })

  it('asks others for what is rejected, takes too long, or was asked of one who left', () => {
    const { ask, full, answer } = asker(deep)
    for (const peer of ['a', 'b', 'c']) ask.addPeer(peer, () => full)
    const request = ask.next('a', 0) as HashRequest
    expect(ask.next('b', 0)).toBeUndefined()
    expect(ask.rejected('a', request, 0)).toBeUndefined()
    expect(ask.next('a', 0)).toBeUndefined()
    expect(ask.next('b', 1000)).toEqual(request)
    ask.tick(10_999)
    expect(ask.next('c', 10_999)).toBeUndefined()
    ask.tick(11_000)
    expect(ask.next('c', 11_000)).toEqual(request)
    ask.removePeer('c')
    ask.tick(20_000)
    expect(ask.next('a', 20_000)).toEqual(request)
    // The late answer counts all the same; the one after it changes nothing.
    expect(ask.received('b', request, answer(request))).toBe('ok')
    expect(ask.received('a', request, answer(request))).toBe('late')
  })

  describe('of files that are all the same', () => {
    const files = 5000
    const layout = new Layout(new Array(files).fill({ length: 2 * BLOCK, pad: false }), BLOCK)
    const file = { length: 2 * BLOCK, pad: false, piecesRoot: new Uint8Array(32).fill(9) }
    const twins = () =>
      new HashRequester<string>(
        new HashTrees({
          files: new Array(files).fill(file),
          layout,
          pieceLength: BLOCK,
          pieceLayers: new Map(),
        }),
      )
    class Counted extends Bitfield {
      reads = 0
      override next(from: number, end?: number): number {
        this.reads++
        expect(end).toBeLessThanOrEqual(from + 512)
        return super.next(from, end)
      }
    }

    it('looks at a bounded number of them for a peer that has none', () => {
      const ask = twins()
      const none = new Counted(2 * files)
      ask.addPeer('none', () => none)
      for (let look = 1; look < 20; look++) {
        ask.refresh('none')
        expect(ask.next('none', look)).toBeUndefined()
        expect(none.reads).toBeLessThanOrEqual(1024 * look)
      }
    })

    it('gets to the last one, though the peer tells of something new before each look', () => {
      const ask = twins()
      const last = new Counted(2 * files)
      last.add(2 * files - 1)
      ask.addPeer('last', () => last)
      let looks = 0
      let request: HashRequest | undefined
      while (!request && looks++ < 10) {
        ask.refresh('last')
        request = ask.next('last', 0)
      }
      expect(request).toMatchObject({ base: 0, index: 0, length: 2 })
      expect(ask.next('last', 0)).toBeUndefined()
    })

    it('does not ask for the same again of a peer that has all', () => {
      const ask = twins()
      const full = new Counted(2 * files)
      for (let i = 0; i < 2 * files; i++) full.add(i)
      ask.addPeer('a', () => full)
      ask.addPeer('b', () => full)
      expect(ask.next('a', 0)).toBeDefined()
      full.reads = 0
      expect(ask.next('b', 0)).toBeUndefined()
      expect(full.reads).toBe(1)
    })
  })

  it('blames who sends what is wrong or was not asked for', () => {
    const { ask, full, answer } = asker(deep)
    ask.addPeer('a', () => full)
    const request = ask.next('a', 0) as HashRequest
    const other = { ...request, proofs: request.proofs + 1 }
    expect(ask.received('a', other, answer(request))).toBe('wire/unrequested-hashes')
    expect(ask.rejected('a', other, 0)).toBe('wire/unrequested-hash-reject')
    expect(ask.received('b', request, answer(request))).toBe('wire/unrequested-hashes')
    const wrong = answer(request)
    wrong[3] = (wrong[3] as number) ^ 1
    expect(ask.received('a', request, wrong)).toBe('wire/bad-hashes')
    expect(ask.received('a', request, answer(request))).toBe('wire/unrequested-hashes')
    const again = ask.next('a', 0)
    ask.refresh('a')
    const next = (again ?? ask.next('a', 0)) as HashRequest
    expect(ask.received('a', next, answer(next).subarray(32))).toBe('wire/bad-hashes')
  })

  it('gets the leaves of a piece in doubt, and gives up when nobody has them', () => {
    const { ask, trees, full } = asker(deep)
    const source = new HashTrees(deep.metainfo)
    trees.at(0).tree.addLayer([...deep.metainfo.pieceLayers.values()][0] as Uint8Array)
    ask.addPeer('a', () => full)
    expect(ask.isBusy).toBe(false)
    ask.doubt(1, 0)
    const request = ask.next('a', 0) as HashRequest
    expect(request).toMatchObject({ base: 0, index: 4, length: 4, proofs: 1 })
    const hashes = source.at(1).tree.hashes(request, leavesOf(deep, 1)) as Uint8Array
    expect(ask.received('a', request, hashes)).toBe('ok')
    expect(ask.leavesOf(1)).toEqual(leavesOf(deep, 1))
    ask.forget(1)
    ask.doubt(2, 0)
    const single = ask.next('a', 0) as HashRequest
    expect(single).toMatchObject({ base: 0, index: 0, length: 4, proofs: 1 })
    expect(ask.tick(1)).toEqual([])
    ask.rejected('a', single, 1)
    expect(ask.tick(2)).toEqual([2])
    expect(ask.doubtful()).toEqual([])
    ask.doubt(0, 3)
    expect(ask.next('a', 3)).toBeDefined()
    expect(ask.tick(10_002)).toEqual([])
    expect(ask.tick(10_003)).toEqual([0])
  })
})

describe('serving hashes', () => {
  const trees = new HashTrees(deep.metainfo)
  const { root } = trees.at(0).tree
  const layer = { root, base: 2, index: 0, length: 2, proofs: 0 }
  const leaf = { root, base: 0, index: 4, length: 2, proofs: 2 }

  it('answers in the order of the requests, leaves from the disk', () => {
    const server = new HashServer<string>(trees)
    expect(server.requested('a', leaf, 0)).toBe('waits')
    expect(server.requested('a', layer, 0)).toBe('waits')
    expect(server.next('a', () => true, false, 0)).toEqual({ type: 'leaves', first: 1, last: 1 })
    expect(server.next('a', () => true, false, 0)).toBeUndefined()
    const answer = server.leaves('a', leavesOf(deep, 1))
    expect(answer).toMatchObject({ type: 'hashes', request: leaf })
    const blank = new HashTrees(withoutLayers(deep).metainfo).at(0).tree
    if (answer?.type === 'hashes') expect(blank.addHashes(leaf, answer.hashes)).toBe('ok')
    expect(server.next('a', () => true, false, 0)).toMatchObject({ type: 'hashes', request: layer })
    expect(server.isWaiting('a')).toBe(false)
  })

  it('rejects leaves of pieces that we lack, that cannot be read, or that have changed on the disk', () => {
    const server = new HashServer<string>(trees)
    for (let i = 0; i < 3; i++) server.requested('a', leaf, 0)
    expect(server.next('a', (piece) => piece !== 1, false, 0)).toEqual({ type: 'reject', request: leaf })
    server.next('a', () => true, false, 0)
    expect(server.leaves('a', undefined)).toEqual({ type: 'reject', request: leaf })
    server.next('a', () => true, false, 0)
    expect(server.leaves('a', leavesOf(deep, 0))).toEqual({ type: 'reject', request: leaf })
    expect(server.leaves('a', leavesOf(deep, 1))).toBeUndefined()
  })

  it('rejects what it does not know: roots, ranges, layers that are still to come', () => {
    const server = new HashServer<string>(new HashTrees(withoutLayers(deep).metainfo))
    expect(server.requested('a', { ...layer, root: new Uint8Array(32) }, 0)).toBe('reject')
    expect(server.requested('a', { ...layer, index: 1 }, 0)).toBe('reject')
    expect(server.requested('a', layer, 0)).toBe('waits')
    expect(server.next('a', () => true, false, 0)).toEqual({ type: 'reject', request: layer })
  })

  it('lets each peer have its allowance, a choked one less', () => {
    const server = new HashServer<string>(trees)
    const answered = (choked: boolean, now: number): number => {
      let count = 0
      for (;;) {
        while (server.requested('a', leaf, now) === 'waits');
        const answer = server.next('a', () => true, choked, now)
        if (!answer) return count
        server.leaves('a', leavesOf(deep, 1))
        count++
      }
    }
    // 4 leaves of 64 nodes each, of 200,000 at first and 50,000 in a second.
    expect(answered(false, 0)).toBe(782)
    expect(answered(false, 1000)).toBe(195)
    expect(answered(true, 2000)).toBe(49)
  })

  it('closes on requests without end', () => {
    const server = new HashServer<string>(trees)
    const verdicts = Array.from({ length: 64 + 256 }, () => server.requested('a', layer, 0))
    expect(verdicts.filter((verdict) => verdict === 'waits')).toHaveLength(64)
    expect(verdicts.filter((verdict) => verdict === 'reject')).toHaveLength(255)
    expect(verdicts.at(-1)).toBe('wire/hash-request-flood')
    server.removePeer('a')
    expect(server.isWaiting('a')).toBe(false)
  })
})
