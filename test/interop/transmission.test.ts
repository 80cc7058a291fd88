/**
 * Both directions with Transmission. It starts at intervals of ten seconds, so all shapes go through one daemon
 * at the same time.
 */

import { describe, expect, it } from 'vitest'
import type { Torrent } from '../../src/index.js'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { copySpoilt, expectSame, makePayload, type Payload, SHAPES } from './rigs/payload.js'
import { openSession, within } from './rigs/rarest.js'
import { type Scene, scene, until } from './rigs/scene.js'
import { Transmission } from './rigs/transmission.js'

const NAMES = [
  'a file',
  'a file smaller than a block',
  'a file with a last piece of one byte',
  'pieces of 8 MiB',
  'a folder',
  'a folder of many small files',
] as const

async function payloads(stage: Scene): Promise<Payload[]> {
  const maker = stage.own(await Libtorrent.start())
  const made: Payload[] = []
  for (const [index, name] of NAMES.entries())
    made.push(await makePayload(stage, maker, SHAPES[name], { name: `p${index}` }))
  return made
}

/**
 * Resolves when we have been connected to a peer. Transmission resets a connection from an address that is still
 * in its handshake on another one: so we dial for one torrent after another, and again when it was too early.
 */
async function connected(torrent: Torrent, address: string): Promise<void> {
  let met = torrent.stats.peers > 0
  torrent.once('peer', () => {
    met = true
  })
  const again = setInterval(() => torrent.addPeers([address]), 1_000)
  try {
    await until('Transmission takes our connection', () => met)
  } finally {
    clearInterval(again)
  }
}

describe.runIf(requireClient('transmission') && requireClient('libtorrent'))('Transmission', () => {
  it('sends us every shape', async () => {
    const stage = scene()
    const transmission = stage.own(await Transmission.start(stage.path('config')))
    const all = await payloads(stage)
    for (const payload of all) await transmission.add(payload.torrent, payload.dir)
    for (const payload of all) await transmission.finished(payload.infoHash)
    const target = await stage.folder('target')
    const session = openSession(stage, target)
    const torrents = []
    for (const payload of all) {
      const torrent = await session.add(payload.torrent, { peers: [transmission.address] })
      torrents.push(torrent)
      await connected(torrent, transmission.address)
    }
    for (const torrent of torrents) {
      expect(await within(60_000, torrent.name, torrent.done)).toBe('complete')
      expect(torrent.stats.wasted).toBe(0)
    }
    for (const payload of all) await expectSame(payload, target)
  })

  it('takes every shape from us, one of them completing partial data', async () => {
    const stage = scene()
    const transmission = stage.own(await Transmission.start(stage.path('config')))
    const all = await payloads(stage)
    const target = await stage.folder('target')
    const [partial] = all as [Payload]
    await copySpoilt(partial, target, 0.7)
    for (const payload of all) {
      await transmission.add(payload.torrent, target)
      const session = openSession(stage, payload.dir)
      const torrent = await session.add(payload.torrent, { peers: [transmission.address] })
      await connected(torrent, transmission.address)
    }
    for (const payload of all) await transmission.finished(payload.infoHash)
    for (const payload of all) await expectSame(payload, target, { empty: false })
    const { downloadedEver, corruptEver } = await transmission.status(partial.infoHash)
    expect(downloadedEver).toBeLessThan(partial.size * 0.4)
    expect(corruptEver).toBe(0)
  })
})
