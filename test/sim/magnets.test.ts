import { describe, expect } from 'vitest'
import { toHex } from '../../src/util/bytes.js'
import { encodeExtensionHandshake, type Message } from '../../src/wire/index.js'
import { encodeMetadataMessage, METADATA_BLOCK } from '../../src/wire/metadata/index.js'
import { v2Content } from '../support/v2.js'
import type { RawLink, RawOptions } from './raw-peer.js'
import { at, closeCode, content, contentOfFiles, isWhole, MIB, scenario } from './world.js'

// Large enough for two blocks of metadata.
const torrent = content(20 * MIB, 16_384)
const { infoBytes } = torrent.metainfo

/** A peer that offers metadata and answers each request as `answer` says. */
function offering(
  answer: (piece: number, link: RawLink) => Uint8Array | undefined,
  size = infoBytes.length,
): RawOptions {
  let theirs = 1
  return {
    extended: true,
    open: (link) =>
      link.send(
        { type: 'have-all' },
        extended(0, encodeExtensionHandshake({ extensions: { ut_metadata: 7 }, metadataSize: size })),
      ),
    message: (link, message) => {
      if (message.type !== 'extended') return
      if (message.id === 0) {
        theirs = /11:ut_metadatai(\d+)e/.exec(Buffer.from(message.payload).toString('latin1'))?.[1] as never
        return
      }
      const piece = Number(/5:piecei(\d+)e/.exec(Buffer.from(message.payload).toString('latin1'))?.[1])
      const reply = answer(piece, link)
      if (reply) link.send(extended(Number(theirs), reply))
    },
  }
}

function extended(id: number, payload: Uint8Array): Message {
  return { type: 'extended', id, payload }
}

const honest = (piece: number): Uint8Array =>
  encodeMetadataMessage({
    type: 'data',
    piece,
    totalSize: infoBytes.length,
    block: infoBytes.subarray(piece * METADATA_BLOCK, (piece + 1) * METADATA_BLOCK),
  })

describe('a magnet', () => {
  scenario('and one peer are enough', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    await sim.run(seed.torrent.done)
    const events: string[] = []
    const leecher = await sim.join(torrent, {
      magnet: true,
      add: { peers: [at(seed)] },
      added: (added) => {
        added.on('metadata', (metainfo) => events.push(`metadata ${metainfo.name}`))
        added.on('ready', () => events.push('ready'))
        added.on('done', () => events.push('done'))
      },
    })
    expect(leecher.torrent.state).toBe('metadata')
    expect(leecher.torrent.files).toEqual([])
    expect(leecher.torrent.metainfo).toBeUndefined()
    expect(leecher.torrent.stats).toMatchObject({ size: 0, pieces: 0, progress: 0 })
    expect(await sim.run(leecher.torrent.metadata)).toMatchObject({ name: 'data.bin' })
    expect(leecher.torrent.metainfo?.infoBytes).toEqual(infoBytes)
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    expect(isWhole(leecher.host, torrent)).toBe(true)
    expect(events).toEqual(['metadata data.bin', 'ready', 'done'])
    // The connection that brought the metadata brought the data too.
    expect(seed.closes.filter(({ code }) => code !== 'torrent/both-seeds')).toEqual([])
  })

  scenario('finds its peers by the tracker that it names', async (sim) => {
    const url = await sim.tracker('tracker.test')
    const tracked = content(MIB, 16_384, [url])
    const seed = await sim.join(tracked, { seed: true })
    await sim.run(seed.torrent.done)
    await sim.network.advance(5_000)
    const leecher = await sim.join(tracked, { magnet: true })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
  })

  scenario('that dials us is served while we have no metadata either, and both get it', async (sim) => {
    const one = await sim.join(torrent, { magnet: true })
    const two = await sim.join(torrent, { magnet: true, add: { peers: [at(one)] } })
    await sim.network.advance(30_000)
    expect(two.torrent.stats.peers).toBe(1)
    expect(two.torrent.peers).toMatchObject([{ address: at(one), progress: 0 }])
    const seed = await sim.join(torrent, { seed: true, add: { peers: [at(one)] } })
    await sim.run(seed.torrent.ready)
    expect(await sim.run(one.torrent.done)).toBe('complete')
    expect(await sim.run(two.torrent.done)).toBe('complete')
  })

  scenario('takes files that it names, and pads are not counted', async (sim) => {
    const set = contentOfFiles([40_000, -25_536, 70_000, -61_072, 5_000], 65_536)
    const seed = await sim.join(set, { seed: true })
    await sim.run(seed.torrent.done)
    const uri = `magnet:?xt=urn:btih:${toHex(set.metainfo.infoHash as Uint8Array)}&so=2&x.pe=${at(seed)}`
    const leecher = await sim.join(set, { magnet: uri })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
    expect(leecher.torrent.files.map((file) => file.verified)).toEqual([0, 0, 5_000])
  })

  scenario('added twice is one torrent, also as a file', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    await sim.run(seed.torrent.done)
    const leecher = await sim.join(torrent, { magnet: true })
    const again = await sim.run(leecher.session.add(leecher.torrent.magnet, { peers: [at(seed)] }))
    expect(again).toBe(leecher.torrent)
    expect(await sim.run(again.done)).toBe('complete')
    expect(await sim.run(leecher.session.add(torrent.metainfo))).toBe(leecher.torrent)
  })

  scenario('pauses and resumes, and closes at any moment', async (sim) => {
    const seed = await sim.join(torrent, { seed: true })
    await sim.run(seed.torrent.done)
    const leecher = await sim.join(torrent, { magnet: true, add: { paused: true, peers: [at(seed)] } })
    await sim.network.advance(60_000)
    expect(leecher.torrent.stats.peers).toBe(0)
    void leecher.torrent.resume()
    expect(leecher.torrent.state).toBe('metadata')
    await sim.run(() => leecher.torrent.stats.peers > 0)
    void leecher.torrent.pause()
    expect(leecher.torrent.stats.peers).toBe(0)
    await sim.network.advance(60_000)
    void leecher.torrent.resume()
    await sim.run(leecher.torrent.metadata)
    await sim.run(leecher.torrent.close())

    const other = await sim.join(torrent, { magnet: true, add: { peers: [at(seed)] } })
    await sim.run(() => other.torrent.stats.peers > 0)
    await sim.run(other.torrent.close())
    await expect(other.torrent.metadata).rejects.toMatchObject({ code: 'torrent/closed' })
    expect(await other.torrent.done).toBe('closed')
  })
})

describe('metadata', () => {
  scenario('from a liar is thrown away, the liar banned, and an honest peer asked', async (sim) => {
    const liar = await sim.raw(
      torrent,
      offering((piece) => {
        const bytes = honest(piece)
        bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1
        return bytes
      }),
    )
    const leecher = await sim.join(torrent, { magnet: true, add: { peers: [liar.address] } })
    await sim.run(() => leecher.closes.length > 0)
    expect(leecher.warnings.map(({ code }) => code)).toContain(closeCode(leecher, liar.host.ip))
    const seed = await sim.join(torrent, { seed: true, add: { peers: [at(leecher)] } })
    await sim.run(seed.torrent.ready)
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
  })

  scenario(
    'that some reject, never send, or offer in the wrong size comes from the peers that have it',
    async (sim) => {
      const silent = await sim.raw(
        torrent,
        offering(() => undefined),
      )
      const refusing = await sim.raw(
        torrent,
        offering((piece) => encodeMetadataMessage({ type: 'reject', piece })),
      )
      const tall = await sim.raw(torrent, offering(honest, 31 * MIB))
      const huge = await sim.raw(torrent, offering(honest, 2 ** 31))
      const good = await sim.raw(torrent, offering(honest))
      const peers = [silent, refusing, tall, huge, good].map(({ address }) => address)
      const leecher = await sim.join(torrent, { magnet: true, add: { peers } })
      expect(await sim.run(leecher.torrent.metadata, 60_000)).toMatchObject({ name: 'data.bin' })
    },
  )

  scenario('from a peer that leaves with the last block is enough', async (sim) => {
    const leaving = await sim.raw(
      torrent,
      offering((piece, link) => {
        link.send(extended(1, honest(piece)))
        if (piece === Math.ceil(infoBytes.length / METADATA_BLOCK) - 1) link.stream.end()
        return undefined
      }),
    )
    const leecher = await sim.join(torrent, { magnet: true, add: { peers: [leaving.address] } })
    expect(await sim.run(leecher.torrent.metadata)).toMatchObject({ name: 'data.bin' })
  })

  scenario('that says private keeps to the tracker', async (sim) => {
    const url = await sim.tracker('tracker.test')
    const secret = contentOfFiles([100_000], 16_384, { private: true, trackers: [url] })
    const seed = await sim.join(secret, { seed: true })
    await sim.run(seed.torrent.done)
    await sim.network.advance(5_000)
    const leecher = await sim.join(secret, { magnet: true })
    await sim.run(leecher.torrent.metadata)
    expect(leecher.torrent.metainfo?.private).toBe(true)
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
  })
})

describe('a hybrid', () => {
  const hybrid = v2Content([700_000, 5, 0, 300_000], 65_536, { version: 'hybrid' })
  const byV1 = `magnet:?xt=urn:btih:${toHex(hybrid.metainfo.infoHash as Uint8Array)}`
  const byV2 = `magnet:?xt=urn:btmh:1220${toHex(hybrid.metainfo.infoHashV2 as Uint8Array)}`

  scenario('is one swarm for those who joined by either infohash', async (sim) => {
    const seed = await sim.join(hybrid, { seed: true })
    await sim.run(seed.torrent.done)
    const peers = [at(seed)]
    const leechers = []
    for (const magnet of [byV1, byV2, byV1, byV2, byV1, byV2]) {
      const leecher = await sim.join(hybrid, { magnet, add: { peers: [...peers] } })
      leechers.push(leecher)
      peers.push(at(leecher))
    }
    await sim.run(Promise.all(leechers.map(({ torrent }) => torrent.done)))
    for (const { host, torrent } of leechers) {
      expect(isWhole(host, hybrid)).toBe(true)
      expect(torrent.metainfo?.version).toBe('hybrid')
      expect(torrent.infoHashV2).toBe(toHex(hybrid.metainfo.infoHashV2 as Uint8Array))
    }
  })

  scenario('added by both infohashes is one torrent too many, and the first goes on', async (sim) => {
    const seed = await sim.join(hybrid, { seed: true })
    await sim.run(seed.torrent.done)
    const leecher = await sim.join(hybrid, { magnet: byV1 })
    const second = await sim.run(leecher.session.add(byV2))
    expect(second).not.toBe(leecher.torrent)
    leecher.torrent.addPeers([at(seed)])
    await sim.run(leecher.torrent.metadata)
    second.addPeers([at(seed)])
    await expect(sim.run(second.done)).rejects.toMatchObject({ code: 'session/duplicate' })
    expect(await sim.run(leecher.torrent.done)).toBe('complete')
  })
})
