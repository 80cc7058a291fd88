/** Swarms of v2 and hybrid torrents (BEP 52): hashes between peers, both halves of a hybrid, single wrong blocks. */

import { describe, expect } from 'vitest'
import { half, v2Content, withoutLayers } from '../support/v2.js'
import { seeding } from './raw-peer.js'
import { at, closeCode, isWhole, KIB, MIB, scenario } from './world.js'

const LENGTHS = [700_000, 5, 0, 300 * KIB, 40_000, 1_200_001]

describe('a v2 swarm', () => {
  scenario('spreads from one seed to all', async (sim) => {
    const torrent = v2Content(LENGTHS, 64 * KIB)
    const seed = await sim.join(torrent, { seed: true })
    const leeches = [await sim.join(torrent, { add: { peers: [at(seed)] } })]
    for (let i = 0; i < 3; i++) {
      leeches.push(await sim.join(torrent, { add: { peers: [at(seed), at(leeches[i]!)] } }))
    }
    await sim.run(Promise.all(leeches.map(({ torrent }) => torrent.done)))
    for (const leech of leeches) {
      expect(isWhole(leech.host, torrent)).toBe(true)
      expect(leech.torrent.stats.wasted).toBeLessThan(64 * KIB)
    }
  })

  scenario('starts without piece layers at all but one', async (sim) => {
    const torrent = v2Content([3 * MIB, 100_000, 777], 16 * KIB)
    const bare = withoutLayers(torrent)
    const seed = await sim.join(torrent, { seed: true })
    const leeches = [await sim.join(bare, { add: { peers: [at(seed)] } })]
    for (let i = 0; i < 3; i++) {
      leeches.push(await sim.join(bare, { add: { peers: [at(leeches[i]!)] } }))
    }
    await sim.run(Promise.all(leeches.map(({ torrent }) => torrent.done)))
    for (const leech of leeches) {
      expect(isWhole(leech.host, torrent)).toBe(true)
      expect(
        leech.closes.filter(({ code }) => code !== 'torrent/both-seeds' && code !== 'net/ended'),
      ).toEqual([])
    }
  })

  scenario('proves data on the disk by the roots of its files', async (sim) => {
    const torrent = v2Content([3 * MIB, 100_000, 777], 16 * KIB)
    const bare = withoutLayers(torrent)
    const seed = await sim.join(bare, { seed: true })
    const leech = await sim.join(bare, { add: { peers: [at(seed)] } })
    await sim.run(leech.torrent.done)
    expect(seed.torrent.stats.downloaded).toBe(0)
    expect(isWhole(leech.host, torrent)).toBe(true)
  })

  scenario('pays for one wrong block with one block', async (sim) => {
    const torrent = v2Content([4 * MIB], MIB)
    const infoHash = torrent.metainfo.infoHashV2!.subarray(0, 20)
    const seed = await sim.join(torrent, { seed: true })
    let lies = 0
    const liar = await sim.raw(torrent, {
      ...seeding(torrent, (data) => {
        if (++lies === 5) data[100] = data[100]! ^ 1
      }),
      infoHash,
    })
    const leech = await sim.join(torrent, { add: { peers: [at(seed), liar.address] } })
    await sim.run(leech.torrent.done)
    expect(lies).toBeGreaterThanOrEqual(5)
    expect(isWhole(leech.host, torrent)).toBe(true)
    expect(leech.warnings.map(({ code }) => code)).toEqual(['torrent/corrupt-data'])
    expect(closeCode(leech, liar.host.ip)).toBe('torrent/corrupt-data')
    expect(closeCode(leech, seed.host.ip)).toBe('torrent/both-seeds')
    expect(leech.torrent.stats.downloaded).toBeLessThan(4 * MIB + 64 * KIB)
  })

  scenario('fetches a wrong piece anew when nobody gives its leaves', async (sim) => {
    const torrent = v2Content([300_000], 64 * KIB)
    const infoHash = torrent.metainfo.infoHashV2!.subarray(0, 20)
    let lies = 0
    const liar = await sim.raw(torrent, {
      ...seeding(torrent, (data) => {
        if (++lies === 2) data[100] = data[100]! ^ 1
      }),
      infoHash,
    })
    const leech = await sim.join(torrent, { add: { peers: [liar.address] } })
    await sim.run(() => leech.warnings.length > 0)
    expect(leech.warnings.map(({ code }) => code)).toEqual(['torrent/corrupt-data'])
    const seed = await sim.join(torrent, { seed: true })
    leech.torrent.addPeers([at(seed)])
    await sim.run(leech.torrent.done)
    expect(isWhole(leech.host, torrent)).toBe(true)
  })
})

describe('a hybrid swarm', () => {
  scenario('joins those who know the v1 half, the v2 half, and both', async (sim) => {
    const torrent = v2Content(LENGTHS, 64 * KIB, { version: 'hybrid' })
    const [first, second] = [half(torrent, '1'), half(torrent, '2')]
    const seed = await sim.join(torrent, { seed: true })
    const peers = [at(seed)]
    const leeches = []
    for (const part of [first, second, torrent, first, second, torrent]) {
      const leech = await sim.join(part, { add: { peers: [...peers] } })
      leeches.push(leech)
      peers.push(at(leech))
    }
    await sim.run(Promise.all(leeches.map(({ torrent }) => torrent.done)))
    for (const leech of leeches) expect(isWhole(leech.host, torrent)).toBe(true)
  })

  scenario('spreads from a seed of one half, through a hybrid, to the other half', async (sim) => {
    const torrent = v2Content(LENGTHS, 64 * KIB, { version: 'hybrid' })
    for (const [from, to] of [
      ['1', '2'],
      ['2', '1'],
    ] as const) {
      const seed = await sim.join(half(torrent, from), { seed: true })
      const middle = await sim.join(withoutLayers(torrent), { add: { peers: [at(seed)] } })
      const last = await sim.join(withoutLayers(half(torrent, to)), { add: { peers: [at(middle)] } })
      await sim.run(last.torrent.done)
      expect(isWhole(last.host, torrent)).toBe(true)
    }
  })

  scenario('upgrades connections of those who know both halves', async (sim) => {
    const torrent = v2Content([2 * MIB], 64 * KIB, { version: 'hybrid' })
    const seed = await sim.join(torrent, { seed: true })
    const leech = await sim.join(withoutLayers(torrent), { add: { peers: [at(seed)] } })
    await sim.run(leech.torrent.done)
    // Half way it learned the layers, which only a v2 connection gives.
    const next = await sim.join(withoutLayers(half(torrent, '2')), { add: { peers: [at(leech)] } })
    await sim.run(next.torrent.done)
    expect(isWhole(next.host, torrent)).toBe(true)
  })
})

describe('peers that misuse hash messages', () => {
  const torrent = v2Content([3 * MIB, 100_000], 16 * KIB)
  const infoHash = torrent.metainfo.infoHashV2!.subarray(0, 20)
  const root = torrent.metainfo.files[0]!.piecesRoot!
  const request = { root, base: 0, index: 0, length: 128, proofs: 7 }

  scenario('by answers to nothing are closed', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    const hashes = new Uint8Array(32 * 129)
    const peer = await sim.rawTo(seed, torrent, {
      infoHash,
      open: (link) => link.send({ type: 'have-none' }, { type: 'hashes', request, hashes }),
    })
    await sim.run(() => peer.links[0]!.closed)
    expect(closeCode(seed, peer.host.ip)).toBe('wire/unrequested-hashes')
    const other = await sim.rawTo(seed, torrent, {
      infoHash,
      open: (link) => link.send({ type: 'have-none' }, { type: 'hash-reject', request }),
    })
    await sim.run(() => other.links[0]!.closed)
    expect(closeCode(seed, other.host.ip)).toBe('wire/unrequested-hash-reject')
  })

  scenario('by a wrong proof are banned, and others are asked', async (sim) => {
    const liar = await sim.raw(torrent, {
      infoHash,
      open: (link) => link.send({ type: 'have-all' }),
      message: (link, message) => {
        if (message.type !== 'hash-request') return
        const { length, proofs } = message.request
        const count = length + Math.max(0, proofs - (Math.log2(length) - 1))
        link.send({ type: 'hashes', request: message.request, hashes: new Uint8Array(32 * count).fill(9) })
      },
    })
    const leech = await sim.join(withoutLayers(torrent), { add: { peers: [liar.address] } })
    await sim.run(() => leech.closes.length > 0)
    expect(closeCode(leech, liar.host.ip)).toBe('wire/bad-hashes')
    expect(leech.warnings.map(({ code }) => code)).toEqual(['wire/bad-hashes'])
    const seed = await sim.join(torrent, { seed: true })
    leech.torrent.addPeers([at(seed)])
    await sim.run(leech.torrent.done)
    expect(isWhole(leech.host, torrent)).toBe(true)
  })

  scenario('by not answering are not waited for', async (sim) => {
    const silent = await sim.raw(torrent, { infoHash, open: (link) => link.send({ type: 'have-all' }) })
    const refuser = await sim.raw(torrent, {
      infoHash,
      open: (link) => link.send({ type: 'have-all' }),
      message: (link, message) => {
        if (message.type === 'hash-request') link.send({ type: 'hash-reject', request: message.request })
      },
    })
    const leech = await sim.join(withoutLayers(torrent), {
      add: { peers: [silent.address, refuser.address] },
    })
    await sim.run(
      () =>
        silent.links.length > 0 &&
        refuser.links[0]?.received.some(({ type }) => type === 'hash-request') === true,
    )
    const seed = await sim.join(torrent, { seed: true })
    leech.torrent.addPeers([at(seed)])
    await sim.run(leech.torrent.done)
    expect(isWhole(leech.host, torrent)).toBe(true)
    expect(leech.warnings).toEqual([])
  })

  scenario('by asking for what there is not are rejected, and closed when they never stop', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    const odd = [
      { ...request, root: new Uint8Array(32) },
      { ...request, index: 3 },
      { ...request, length: 3 },
      { ...request, length: 0 },
      { ...request, length: 1024 },
      { ...request, index: 256 },
      { ...request, index: 0xffff_ff80 },
      { ...request, base: 1 },
      { ...request, base: 0xffff_ffff },
      { ...request, proofs: 8 },
      { ...request, proofs: 0xffff_ffff },
    ]
    const peer = await sim.rawTo(seed, torrent, {
      infoHash,
      open: (link) => {
        link.send({ type: 'have-none' })
        for (const each of odd) link.send({ type: 'hash-request', request: each })
        link.send({ type: 'hash-request', request })
      },
    })
    const link = peer.links[0]!
    await sim.run(() => link.received.some(({ type }) => type === 'hashes'))
    const rejects = link.received.flatMap((message) =>
      message.type === 'hash-reject' ? [message.request] : [],
    )
    expect(rejects).toEqual(odd)
    for (let i = 0; i < 256; i++) link.send({ type: 'hash-request', request: odd[0]! })
    await sim.run(() => link.closed)
    expect(closeCode(seed, peer.host.ip)).toBe('wire/hash-request-flood')
  })

  scenario('by asking without end get their answers in turn, or are closed', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    const peer = await sim.rawTo(seed, torrent, {
      infoHash,
      open: (link) => {
        link.send({ type: 'have-none' })
        for (let i = 0; i < 5000; i++) link.send({ type: 'hash-request', request })
      },
    })
    const link = peer.links[0]!
    await sim.run(() => link.closed)
    expect(closeCode(seed, peer.host.ip)).toBe('wire/hash-request-flood')
  })

  scenario('on a connection that speaks v1 are closed', async (sim) => {
    const hybrid = v2Content([MIB], 64 * KIB, { version: 'hybrid' })
    const plain = half(hybrid, '1')
    for (const each of [hybrid, plain]) {
      const seed = await sim.join(each, { seed: true })
      const peer = await sim.rawTo(seed, hybrid, {
        open: (link) => link.send({ type: 'have-none' }, { type: 'hash-request', request }),
      })
      await sim.run(() => peer.links[0]!.closed)
      expect(closeCode(seed, peer.host.ip)).toBe('wire/hash-not-negotiated')
    }
  })

  scenario('by naming the v2 hash of a torrent that has only v1 get nowhere', async (sim) => {
    const hybrid = v2Content([MIB], 64 * KIB, { version: 'hybrid' })
    const seed = await sim.join(half(hybrid, '1'), { seed: true })
    const peer = await sim.rawTo(seed, hybrid, { infoHash: hybrid.metainfo.infoHashV2!.subarray(0, 20) })
    await sim.run(() => peer.links[0]!.closed)
    expect(peer.links[0]!.greeted).toBe(false)
  })
})
