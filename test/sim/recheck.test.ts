/** Data that is checked again while peers are connected, and what they are told of it (BEP 54). */

import { describe, expect } from 'vitest'
import { encode } from '../../src/bencode/index.js'
import { decodeExtensionHandshake } from '../../src/wire/extension.js'
import type { Message } from '../../src/wire/index.js'
import { v2Content } from '../support/v2.js'
import type { RawLink, RawOptions } from './raw-peer.js'
import {
  at,
  closeCode,
  content,
  contentOfFiles,
  isWhole,
  KIB,
  type Member,
  MIB,
  type Sim,
  scenario,
} from './world.js'

const PIECE = 16 * KIB
const torrent = content(16 * PIECE, PIECE)
/** Large enough for a check of several reads. */
const large = content(5 * MIB, 64 * KIB)
const FILE = 'downloads/data.bin'
const DONT_HAVE = 9
/** A disk on which a check takes seconds. */
const slow = { disk: { bandwidth: MIB } }

/** Changes a byte of these pieces behind everybody's back. */
function spoil(member: Member, ...pieces: number[]): void {
  for (const piece of pieces) {
    const position = piece * member.torrent.metainfo!.pieceLength + 100
    const [byte = 0] = member.host.disk.readFile(FILE)?.subarray(position) ?? []
    member.host.disk.writeAt(FILE, position, Uint8Array.of(byte ^ 1))
  }
}

function mend(member: Member): void {
  member.host.disk.writeFile(FILE, torrent.data)
}

function hello(keys: Parameters<typeof encode>[0]): Message {
  return { type: 'extended', id: 0, payload: encode(keys) }
}

/** A leecher that hears of lost pieces, and asks for nothing by itself. */
function listening(first: Message = { type: 'have-none' }, extra: Message[] = []): RawOptions {
  return {
    extended: true,
    open: (link) => link.send(first, hello({ m: { lt_donthave: DONT_HAVE } }), ...extra),
  }
}

/** The pieces that a link was told to be lost. */
function told(link: RawLink | undefined): number[] {
  return (link?.received ?? []).flatMap((message) =>
    message.type === 'extended' && message.id === DONT_HAVE
      ? [new DataView(message.payload.buffer, message.payload.byteOffset).getUint32(0)]
      : [],
  )
}

function haves(link: RawLink | undefined): number[] {
  return (link?.received ?? []).flatMap((message) => (message.type === 'have' ? [message.piece] : []))
}

function uploadOnly(link: RawLink | undefined): (boolean | undefined)[] {
  return (link?.received ?? []).flatMap((message) =>
    message.type === 'extended' && message.id === 0
      ? [decodeExtensionHandshake(message.payload)?.uploadOnly]
      : [],
  )
}

function request(piece: number): Message {
  return { type: 'request', piece, begin: 0, length: PIECE }
}

async function seedOf(sim: Sim, host = {}, subject = torrent): Promise<Member> {
  const seed = await sim.join(subject, { seed: true, host })
  await sim.run(seed.torrent.done)
  await sim.network.advance(1_000)
  return seed
}

describe('a seed whose pieces went bad', () => {
  scenario('tells its peers, and gets the pieces back from them', async (sim) => {
    const seed = await seedOf(sim, { upload: 64 * KIB })
    const lost: number[] = []
    seed.torrent.on('lost', (piece) => lost.push(piece))
    const raw = await sim.rawTo(seed, torrent, listening())
    const leechers = [
      await sim.join(torrent, { add: { peers: [at(seed)] } }),
      await sim.join(torrent, { add: { peers: [at(seed)] } }),
    ] as const
    leechers[0].torrent.addPeers([at(leechers[1])])
    await sim.run(() => leechers.every(({ torrent }) => torrent.stats.verifiedPieces >= 4), 60_000)
    // What both have, what one has and what nobody has but the seed.
    const has = leechers.map(({ torrent }) => torrent.bitfield)
    const bits = (piece: number): number =>
      has.filter((set) => ((set[piece >> 3] as number) << (piece & 7)) & 128).length
    const all = Array.from({ length: 16 }, (_, piece) => piece)
    const bad = all.filter((piece) => bits(piece) > 0).slice(0, 3)
    expect(bad).toHaveLength(3)
    spoil(seed, ...bad)
    const result = await sim.run(seed.torrent.recheck())
    expect(result).toEqual({ pieces: 16, valid: 13, missing: 3, complete: false, lost: 3, found: 0 })
    expect(lost).toEqual(bad)
    expect(seed.torrent.state).toBe('downloading')
    expect(seed.torrent.stats).toMatchObject({ left: 3 * PIECE, verifiedPieces: 13, peers: 3 })
    expect(await sim.run(seed.torrent.done, 60_000)).toBe('complete')
    await sim.run(Promise.all(leechers.map(({ torrent }) => torrent.done)), 60_000)
    await sim.network.advance(1_000)
    expect(told(raw.links[0])).toEqual(bad)
    expect(haves(raw.links[0]).toSorted((a, b) => a - b)).toEqual(bad)
    expect(uploadOnly(raw.links[0])).toEqual([true, false, true])
    expect(seed.torrent.state).toBe('seeding')
    for (const member of [seed, ...leechers]) expect(isWhole(member.host, torrent)).toBe(true)
  })

  for (const version of ['2', 'hybrid'] as const) {
    scenario(`gets them back in a torrent of version ${version}`, async (sim) => {
      const subject = v2Content([300_000, 40_000], 64 * KIB, { version })
      const [name] = subject.files
      const seed = await sim.join(subject, { seed: true })
      const other = await sim.join(subject, { seed: true })
      await sim.run(Promise.all([seed.torrent.done, other.torrent.done]))
      seed.host.disk.writeAt(`downloads/${name?.path}`, 70_000, new Uint8Array(100))
      const raw = await sim.rawTo(seed, subject, {
        ...listening(),
        infoHash: (subject.metainfo.infoHashV2 as Uint8Array).subarray(0, 20),
      })
      await sim.network.advance(500)
      expect(await sim.run(seed.torrent.recheck())).toMatchObject({ lost: 1, valid: 5, missing: 1 })
      seed.torrent.addPeers([at(other)])
      expect(await sim.run(seed.torrent.done, 60_000)).toBe('complete')
      await sim.network.advance(500)
      expect(told(raw.links[0])).toEqual([1])
      expect(haves(raw.links[0])).toEqual([1])
      expect(isWhole(seed.host, subject)).toBe(true)
      expect((await sim.run(seed.torrent.recheck())).complete).toBe(true)
    })
  }

  scenario('disconnects a peer that cannot be told, which connects anew', async (sim) => {
    const seed = await seedOf(sim)
    const plain = await sim.rawTo(seed, torrent, {
      extended: true,
      open: (link) => link.send({ type: 'have-none' }, hello({ m: {} })),
    })
    const old = await sim.rawTo(seed, torrent, { fast: false })
    await sim.network.advance(100)
    spoil(seed, 3)
    await sim.run(seed.torrent.recheck())
    await sim.network.advance(100)
    for (const peer of [plain, old]) {
      expect(closeCode(seed, peer.host.ip)).toBe('torrent/lost-piece')
      const link = await sim.run(peer.dial(seed.host))
      await sim.network.advance(100)
      const [first] = link.received
      expect(first?.type === 'bitfield' ? [...first.bits] : first).toEqual([0b1110_1111, 0xff])
      expect(link.closed).toBe(false)
    }
    expect(seed.session.bans).toEqual([])
  })

  scenario('rejects requests for them, and serves none of it meanwhile', async (sim) => {
    const seed = await seedOf(sim, slow, large)
    const raw = await sim.rawTo(seed, large, listening({ type: 'have-none' }, [{ type: 'interested' }]))
    const link = raw.links[0] as RawLink
    await sim.run(() => link.received.some(({ type }) => type === 'unchoke'), 30_000)
    spoil(seed, 9, 77)
    let isOver = false
    const result = seed.torrent.recheck().finally(() => {
      isOver = true
    })
    await sim.network.advance(100)
    expect(told(link)).toEqual([])
    // Long before its turn: it is looked at first.
    link.send(request(77), request(78), request(2))
    await sim.run(() => link.received.some(({ type }) => type === 'reject'), 10_000)
    expect(isOver).toBe(false)
    expect(link.received.findLast(({ type }) => type === 'reject')).toMatchObject({ piece: 77 })
    expect(told(link)).toContain(77)
    expect(await sim.run(result, 60_000)).toMatchObject({ lost: 2, valid: 78 })
    await sim.network.advance(2_000)
    const served = link.received.flatMap((message) => (message.type === 'piece' ? [message] : []))
    expect(served.map(({ piece }) => piece)).toEqual([78, 2])
    for (const { piece, data } of served)
      expect(Buffer.compare(data, large.data.subarray(piece * 64 * KIB).subarray(0, PIECE))).toBe(0)
    expect(told(link).toSorted((a, b) => a - b)).toEqual([9, 77])
    expect(seed.torrent.error).toBeUndefined()
    link.send(request(9))
    await sim.network.advance(500)
    expect(link.received.at(-1)).toMatchObject({ type: 'reject', piece: 9 })
  })

  scenario('stops superseeding: it has not everything', async (sim) => {
    const seed = await sim.join(torrent, { seed: true, add: { superseed: 'strict' } })
    await sim.run(seed.torrent.done)
    const raw = await sim.rawTo(seed, torrent, listening())
    await sim.network.advance(1_000)
    expect(haves(raw.links[0])).toEqual([0])
    spoil(seed, 0, 5)
    await sim.run(seed.torrent.recheck())
    await sim.network.advance(1_000)
    // With the first loss it showed all that it has, 5 among it.
    expect(told(raw.links[0])).toEqual([0, 5])
    expect(haves(raw.links[0])).toHaveLength(16)
    expect(haves(raw.links[0]).filter((piece) => piece === 0)).toHaveLength(1)
  })

  scenario('tells trackers what is left, and of no second download', async (sim) => {
    const tracker = sim.network.host()
    const other = await seedOf(sim)
    const announces: (string | null)[][] = []
    let isKnown = false
    sim.network.names.set('tracker.test', [tracker.ip])
    await sim.run(
      tracker.world.serveHttp({ port: 80 }, ({ target }) => {
        const query = new URLSearchParams(target.slice(target.indexOf('?')))
        announces.push([query.get('event'), query.get('left')])
        const peers = isKnown ? [...other.host.ip.split('.').map(Number), 6881 >> 8, 6881 & 255] : []
        return { status: 200, body: encode({ interval: 1800, peers: Uint8Array.from(peers) }) }
      }),
    )
    const subject = content(16 * PIECE, PIECE, ['http://tracker.test/announce'])
    const seed = await sim.join(subject, { seed: true })
    await sim.run(seed.torrent.done)
    await sim.network.advance(120_000)
    isKnown = true
    spoil(seed, 3)
    await sim.run(seed.torrent.recheck())
    expect(seed.torrent.state).toBe('downloading')
    expect(await sim.run(seed.torrent.done, 3_600_000)).toBe('complete')
    await sim.network.advance(600_000)
    expect(isWhole(seed.host, subject)).toBe(true)
    expect(announces).toEqual([
      ['started', '0'],
      [null, `${PIECE}`],
      [null, '0'],
    ])
  })

  scenario('loses whole files that were deleted, and nothing else', async (sim) => {
    const set = contentOfFiles([20_000, 60_000, 60_000], PIECE)
    const seed = await sim.join(set, { seed: true })
    await sim.run(seed.torrent.done)
    seed.host.disk.deleteFile('downloads/set/file-1.bin')
    const result = await sim.run(seed.torrent.recheck())
    expect(result).toEqual({ pieces: 9, valid: 5, missing: 4, complete: false, lost: 4, found: 0 })
    expect(seed.torrent.state).toBe('downloading')
    expect(seed.torrent.files.map(({ progress }) => progress === 1)).toEqual([false, false, false])
    const other = await sim.join(set, { seed: true })
    seed.torrent.addPeers([at(other)])
    expect(await sim.run(seed.torrent.done, 60_000)).toBe('complete')
    expect(isWhole(seed.host, set)).toBe(true)
  })
})

describe('recheck()', () => {
  scenario('of a download takes nothing away, finds what was put there, and ends complete', async (sim) => {
    const seed = await seedOf(sim, { upload: 32 * KIB })
    const leecher = await sim.join(torrent, { add: { peers: [at(seed)] }, host: slow })
    const raw = await sim.rawTo(leecher, torrent, listening())
    await sim.run(() => leecher.torrent.stats.verifiedPieces >= 4, 60_000)
    const before = leecher.torrent.bitfield
    // The user copies the whole file in.
    mend(leecher)
    expect(leecher.torrent.stats.verifiedPieces).toBeLessThan(10)
    const progress: number[] = []
    leecher.torrent.on('checking', (checked) => progress.push(checked))
    const result = await sim.run(leecher.torrent.recheck(), 60_000)
    expect(result).toMatchObject({ pieces: 16, lost: 0 })
    expect(result.found).toBeGreaterThan(3)
    for (const [index, byte] of before.entries())
      expect(byte & ~(leecher.torrent.bitfield[index] as number)).toBe(0)
    expect(await sim.run(leecher.torrent.done, 60_000)).toBe('complete')
    await sim.network.advance(500)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(progress.at(-1)).toBe(16)
    expect(told(raw.links[0])).toEqual([])
    expect(isWhole(leecher.host, torrent)).toBe(true)
    expect(leecher.pieces.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 16 }, (_, piece) => piece))
    expect(leecher.torrent.stats.left).toBe(0)
    expect(closeCode(leecher, seed.host.ip)).toBe('torrent/both-seeds')
  })

  scenario('again and again during a download changes nothing', async (sim) => {
    const seed = await seedOf(sim, { upload: 128 * KIB })
    const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
    let runs = 0
    while (leecher.torrent.state !== 'seeding' && runs < 500) {
      const result = await sim.run(leecher.torrent.recheck())
      expect(result).toMatchObject({ lost: 0, found: 0 })
      await sim.network.advance(20)
      runs++
    }
    expect(runs).toBeGreaterThan(5)
    expect(leecher.torrent.stats.downloaded).toBe(16 * PIECE)
    expect(isWhole(leecher.host, torrent)).toBe(true)
  })

  scenario('leaves the error of a changed file, and fetches what changed', async (sim) => {
    const seed = await seedOf(sim)
    const other = await seedOf(sim)
    spoil(seed, 4, 11)
    const leecher = await sim.join(torrent, { add: { peers: [at(seed)] } })
    await sim.run(() => seed.torrent.state === 'error', 60_000)
    expect(seed.torrent.error?.code).toBe('storage/changed')
    const result = sim.run(seed.torrent.recheck())
    expect(seed.torrent.state).toBe('error')
    expect(await result).toMatchObject({ valid: 14, lost: 2 })
    expect(seed.torrent.state).toBe('downloading')
    expect(seed.torrent.error).toBeUndefined()
    seed.torrent.addPeers([at(other)])
    expect(await sim.run(seed.torrent.done, 60_000)).toBe('complete')
    expect(await sim.run(leecher.torrent.done, 600_000)).toBe('complete')
    expect(isWhole(seed.host, torrent)).toBe(true)
  })

  scenario('in an error leaves it only when all could be read; pause() before it holds', async (sim) => {
    const seed = await seedOf(sim)
    seed.host.disk.fault = ({ kind }) => (kind === 'read' ? 'EIO' : undefined)
    await sim.join(torrent, { add: { peers: [at(seed)] } })
    await sim.run(() => seed.torrent.state === 'error', 60_000)
    await expect(sim.run(seed.torrent.recheck())).rejects.toMatchObject({ code: 'storage/io' })
    expect(seed.torrent.state).toBe('error')
    seed.host.disk.fault = undefined
    void seed.torrent.pause()
    expect(await sim.run(seed.torrent.recheck())).toMatchObject({ complete: true, lost: 0 })
    expect(seed.torrent.state).toBe('paused')
    expect(await sim.run(seed.torrent.done)).toBe('complete')
    await sim.run(seed.torrent.ready)
    void seed.torrent.resume()
    expect(seed.torrent.state).toBe('seeding')
  })

  scenario('while a disk fails is fatal, and resume() waits for the next one', async (sim) => {
    const seed = await seedOf(sim, slow, large)
    seed.host.disk.fault = ({ kind, offset }) =>
      kind === 'read' && offset > 3_000_000 ? 'EACCES' : undefined
    seed.torrent.on('error', () => {})
    await expect(sim.run(seed.torrent.recheck(), 60_000)).rejects.toMatchObject({
      code: 'storage/permission',
    })
    expect(seed.torrent.state).toBe('error')
    const again = seed.torrent.recheck()
    void seed.torrent.resume()
    expect(seed.torrent.state).toBe('error')
    await expect(sim.run(again, 60_000)).rejects.toMatchObject({ code: 'storage/permission' })
    await sim.network.advance(1)
    // Nothing was found missing or changed: it seeds what it has until that fails.
    expect(seed.torrent.state).toBe('seeding')
  })

  scenario('is done once for all who call, and given up when none of them waits', async (sim) => {
    const seed = await seedOf(sim, slow, large)
    const reads = (): number => seed.host.disk.operations
    const [first, second] = [new AbortController(), new AbortController()]
    spoil(seed, 79)
    const before = reads()
    const calls = [
      seed.torrent.recheck({ signal: first.signal }),
      seed.torrent.recheck({ signal: second.signal }),
    ].map((call) =>
      call.then(
        () => 'done',
        (error: unknown) => error,
      ),
    )
    await sim.network.advance(100)
    first.abort('enough')
    expect(await sim.run(calls[0] as Promise<unknown>)).toBe('enough')
    await sim.network.advance(1_000)
    second.abort('really')
    expect(await sim.run(calls[1] as Promise<unknown>)).toBe('really')
    await sim.network.advance(10_000)
    expect(reads() - before).toBeLessThan(6)
    expect(seed.torrent.state).toBe('seeding')
    await expect(seed.torrent.recheck({ signal: first.signal })).rejects.toBe('enough')
    // Whatever was not looked at is looked at before anybody gets it.
    const raw = await sim.rawTo(seed, large, listening({ type: 'have-none' }, [{ type: 'interested' }]))
    const link = raw.links[0] as RawLink
    await sim.run(() => link.received.some(({ type }) => type === 'unchoke'), 30_000)
    link.send(request(79))
    await sim.run(() => link.received.some(({ type }) => type === 'reject'), 10_000)
    expect(told(link)).toEqual([79])
    expect(seed.torrent.state).toBe('downloading')
    const shared = [seed.torrent.recheck(), seed.torrent.recheck()]
    const started = reads()
    const result = { pieces: 80, valid: 79, missing: 1, complete: false, lost: 0, found: 0 }
    expect(await sim.run(Promise.all(shared), 60_000)).toEqual([result, result])
    expect(reads() - started).toBeLessThan(8)
  })

  scenario('can be called anew while one that was given up ends', async (sim) => {
    const seed = await seedOf(sim, slow, large)
    const abort = new AbortController()
    const first = seed.torrent.recheck({ signal: abort.signal }).catch((error: unknown) => error)
    await sim.network.advance(100)
    abort.abort('enough')
    const second = seed.torrent.recheck()
    expect(await sim.run(first)).toBe('enough')
    expect(await sim.run(second, 60_000)).toMatchObject({ complete: true })
  })

  scenario('ends with the torrent, and leaves nothing', async (sim) => {
    const seed = await seedOf(sim, slow, large)
    const call = seed.torrent.recheck()
    const outcome = call.catch((error: { code: string }) => error.code)
    await sim.network.advance(300)
    await sim.run(seed.torrent.close(), 60_000)
    expect(await sim.run(outcome)).toBe('torrent/closed')
    const { operations } = seed.host.disk
    await sim.network.advance(10_000)
    expect(seed.host.disk.operations).toBe(operations)
    await expect(seed.torrent.recheck()).rejects.toMatchObject({ code: 'torrent/closed' })
  })

  scenario('in every other state does what it says', async (sim) => {
    const member = await sim.join(torrent, { seed: true, host: slow })
    expect(member.torrent.state).toBe('checking')
    const whole = { pieces: 16, valid: 16, missing: 0, complete: true, lost: 0, found: 16 }
    const first = member.torrent.recheck()
    const { operations } = member.host.disk
    expect(await sim.run(first)).toEqual(whole)
    expect(member.host.disk.operations - operations).toBeLessThan(6)
    void member.torrent.pause()
    spoil(member, 1)
    expect(await sim.run(member.torrent.recheck())).toEqual({
      ...whole,
      valid: 15,
      missing: 1,
      complete: false,
      lost: 1,
      found: 0,
    })
    expect(member.torrent.state).toBe('paused')
    mend(member)
    expect(await sim.run(member.torrent.recheck())).toEqual({ ...whole, found: 1 })
    expect(await sim.run(member.torrent.done)).toBe('complete')
    expect(member.torrent.state).toBe('paused')
    void member.torrent.resume()
    expect(member.torrent.state).toBe('seeding')
    const magnet = await sim.join(torrent, { magnet: true })
    await expect(magnet.torrent.recheck()).rejects.toMatchObject({ code: 'torrent/no-metadata' })
    expect(magnet.torrent.state).toBe('metadata')
    const trusting = await sim.join(torrent, { seed: true, add: { skipCheck: true } })
    expect(await sim.run(trusting.torrent.recheck())).toEqual(whole)
    expect(trusting.torrent.state).toBe('seeding')
  })

  scenario('after the first check failed makes that check', async (sim) => {
    const host = sim.network.host()
    host.disk.fault = ({ kind }) => (kind === 'read' ? 'EACCES' : undefined)
    const member = await sim.join(torrent, { seed: true, on: host })
    await expect(sim.run(member.torrent.ready)).rejects.toMatchObject({ code: 'storage/permission' })
    await expect(sim.run(member.torrent.recheck())).rejects.toMatchObject({ code: 'storage/permission' })
    expect(member.torrent.state).toBe('error')
    host.disk.fault = undefined
    expect(await sim.run(member.torrent.recheck())).toMatchObject({ complete: true, found: 16 })
    expect(member.torrent.state).toBe('seeding')
    await sim.run(member.torrent.ready)
  })
})
