/**
 * Encrypted connections with real clients, either side forcing them, RC4 and plaintext selected. Nothing
 * here would connect at all if we did not speak it: the other side refuses what is plain.
 */

import { describe, expect, it } from 'vitest'
import type { SessionOptions, Torrent } from '../../src/index.js'
import { requireClient } from './rigs/clients.js'
import { Libtorrent, type LibtorrentOptions } from './rigs/libtorrent.js'
import { expectSame, makePayload, SHAPES } from './rigs/payload.js'
import { addressOf, openSession, within } from './rigs/rarest.js'
import { scene, until } from './rigs/scene.js'
import { Transmission } from './rigs/transmission.js'

const DONE = 20_000

/** Theirs, ours, and what must come of it. */
const PAIRS: readonly (readonly [
  NonNullable<LibtorrentOptions['encryption']>,
  NonNullable<SessionOptions['encryption']>,
  'rc4' | 'plaintext' | undefined,
])[] = [
  ['rc4', 'enabled', 'rc4'],
  ['rc4', 'preferred', 'rc4'],
  ['handshake', 'enabled', 'plaintext'],
  ['handshake', 'required', 'plaintext'],
  ['prefer', { incoming: 'required', outgoing: 'required', methods: 'rc4' }, 'rc4'],
  ['prefer', { incoming: 'required', outgoing: 'required', methods: 'plaintext' }, 'plaintext'],
  ['plain', 'preferred', undefined],
]

describe.runIf(requireClient('libtorrent'))('libtorrent', () => {
  it.each(PAIRS)('(%s) sends us (%j) a folder: %s', async (theirs, ours, expected) => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start({ encryption: theirs }))
    const payload = await makePayload(stage, seed, SHAPES['a folder'])
    await seed.add(payload.torrent, payload.dir)
    const target = await stage.folder('target')
    const session = openSession(stage, target, { encryption: ours, listen: false })
    const torrent = await session.add(payload.torrent)
    const used = usedBy(torrent)
    torrent.addPeers([seed.address])
    expect(await within(DONE, 'download', torrent.done)).toBe('complete')
    expect([...used]).toEqual([expected])
    await expectSame(payload, target)
  })

  it.each(PAIRS)('(%s) dials us (%j) and takes a folder: %s', async (theirs, ours, expected) => {
    const stage = scene()
    const leech = stage.own(await Libtorrent.start({ encryption: theirs }))
    const payload = await makePayload(stage, leech, SHAPES['a folder'])
    const session = openSession(stage, payload.dir, { encryption: ours })
    const torrent = await session.add(payload.torrent)
    await within(DONE, 'check', torrent.done)
    const used = usedBy(torrent)
    const target = await stage.folder('target')
    await leech.add(payload.torrent, target)
    await leech.connect(payload.infoHash, [await addressOf(session)])
    await leech.finished(payload.infoHash)
    expect([...used]).toEqual([expected])
    await expectSame(payload, target)
  })

  it('that is plain only is not met by those who require encryption', async () => {
    const stage = scene()
    const seed = stage.own(await Libtorrent.start({ encryption: 'plain' }))
    const payload = await makePayload(stage, seed, SHAPES['a file'])
    await seed.add(payload.torrent, payload.dir)
    const session = openSession(stage, await stage.folder('target'), { encryption: 'required' })
    const torrent = await session.add(payload.torrent, { peers: [seed.address] })
    await until('libtorrent has seen us', () => seed.child.events.some(({ event }) => event === 'incoming'))
    await until('the dial is over', () => session.stats.halfOpen === 0)
    expect(torrent.stats.downloaded).toBe(0)
    expect(torrent.peers).toEqual([])
  })
})

/** Its setting `encryption`, ours, and what must come of it. One that prefers encryption takes no plaintext after it. */
const TRANSMISSION: readonly (readonly [
  0 | 1 | 2,
  NonNullable<SessionOptions['encryption']>,
  'rc4' | 'plaintext',
])[] = [
  [2, 'enabled', 'rc4'],
  [1, 'required', 'rc4'],
  [0, { outgoing: 'required', methods: 'plaintext' }, 'plaintext'],
]

describe.runIf(requireClient('transmission') && requireClient('libtorrent'))('Transmission', () => {
  // It starts at intervals of ten seconds: all pairs at once.
  it('sends us a folder and takes one from us, encrypted as either side wants it', async () => {
    const stage = scene()
    const maker = stage.own(await Libtorrent.start())
    const payload = await makePayload(stage, maker, SHAPES['a folder'])
    const outcomes = await Promise.all(
      TRANSMISSION.flatMap(([theirs, ours], index) =>
        ['seed', 'leech'].map(async (role) => {
          const name = `${index}-${role}`
          const target = await stage.folder(name)
          const [theirDir, ourDir] = role === 'seed' ? [payload.dir, target] : [target, payload.dir]
          const transmission = stage.own(
            await Transmission.start(stage.path(`config-${name}`), { encryption: theirs }),
          )
          await transmission.add(payload.torrent, theirDir)
          if (role === 'seed') await transmission.finished(payload.infoHash)
          const session = openSession(stage, ourDir, { encryption: ours })
          const torrent = await session.add(payload.torrent)
          if (role === 'leech') await torrent.done
          const used = usedBy(torrent)
          torrent.addPeers([transmission.address])
          if (role === 'seed') await within(40_000, name, torrent.done)
          else await transmission.finished(payload.infoHash)
          await expectSame(payload, target, { empty: role === 'seed' })
          return [...used]
        }),
      ),
    )
    expect(outcomes).toEqual(TRANSMISSION.flatMap(([, , expected]) => [[expected], [expected]]))
  })
})

/** How the connections of a torrent turn out to be encrypted, from now on. */
function usedBy(torrent: Torrent): Set<string | undefined> {
  const used = new Set<string | undefined>()
  torrent.on('peer', () => {
    for (const { encryption } of torrent.peers) used.add(encryption)
  })
  return used
}
