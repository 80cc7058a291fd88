/**
 * Transmission dials us. It takes no peer in 127.0.0.0/8 and has no command to add one, so it lives in a network
 * namespace of its own and hears of us from our tracker.
 */

import { describe, expect, it } from 'vitest'
import type { SessionOptions } from '../../src/index.js'
import { TrackerServer } from '../../src/net/tracker/server.js'
import { CabledNamespace } from './rigs/cable.js'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { abilities } from './rigs/namespaces.js'
import { expectSame, makePayload, SHAPES } from './rigs/payload.js'
import { openSession, within } from './rigs/rarest.js'
import { type Scene, scene, until } from './rigs/scene.js'
import { Transmission } from './rigs/transmission.js'

const ENCRYPTION = { plain: 0, prefer: 1, require: 2 } as const

/** What it wants, our policy, and what comes of it: `plain`, or no connection at all. */
const PAIRS: readonly (readonly [
  keyof typeof ENCRYPTION,
  NonNullable<SessionOptions['encryption']>,
  'rc4' | 'plain' | 'none',
])[] = [
  ['require', 'required', 'rc4'],
  ['require', 'preferred', 'rc4'],
  ['require', 'enabled', 'rc4'],
  ['require', 'disabled', 'none'],
  ['prefer', 'required', 'rc4'],
  // Its first dial fails, and it dials again.
  ['prefer', 'disabled', 'plain'],
  ['plain', 'required', 'none'],
  ['plain', 'preferred', 'plain'],
]

describe.runIf(requireClient('transmission') && requireClient('libtorrent') && abilities().namespaces)(
  'Transmission that dials us',
  () => {
    // It starts at intervals of ten seconds: all pairs at once, each with a tracker of its own.
    it('takes a folder, encrypted as both sides want it, or finds no way in', async () => {
      const stage = scene()
      const namespace = stage.own(new CabledNamespace())
      const maker = stage.own(await Libtorrent.start())
      const payload = await makePayload(stage, maker, SHAPES['a folder'])
      const pairs = await Promise.all(
        PAIRS.map(async ([theirs, encryption, outcome], index) => {
          const tracker = await openTracker(stage, namespace)
          const session = openSession(stage, payload.dir, { host: namespace.ours, encryption })
          const torrent = await session.add(payload.torrent, { trackers: [tracker.url] })
          const used = new Set<string>()
          torrent.on('peer', () => {
            for (const { encryption: method, incoming } of torrent.peers)
              used.add(`${incoming ? '' : 'dialled by us, '}${method ?? 'plain'}`)
          })
          await torrent.done
          await until('our tracker knows us', () => tracker.announces() > 0)
          const daemon = stage.own(
            await Transmission.start(stage.path(`config-${index}`), {
              encryption: ENCRYPTION[theirs],
              namespace,
            }),
          )
          const target = await stage.folder(`target-${index}`)
          await daemon.add(payload.torrent, target)
          await daemon.call('torrent-set', { ids: [payload.infoHash], trackerAdd: [tracker.url] })
          return { outcome, used, daemon, target, tracker }
        }),
      )
      for (const { outcome, daemon, target } of pairs) {
        if (outcome === 'none') continue
        await daemon.finished(payload.infoHash, 60_000)
        await expectSame(payload, target, { empty: false })
      }
      // The others had as much time.
      for (const { outcome, tracker } of pairs)
        if (outcome === 'none') await until('the tracker knows both', () => tracker.announces() > 1)
      expect(pairs.map(({ used }) => [...used])).toEqual(
        PAIRS.map(([, , outcome]) => (outcome === 'none' ? [] : [outcome])),
      )
    })
  },
)

async function openTracker(
  stage: Scene,
  { ours }: CabledNamespace,
): Promise<{ readonly url: string; announces(): number }> {
  const server = new TrackerServer({ host: ours, port: 0 })
  stage.own({ stop: () => server.close() })
  const { port } = await within(10_000, 'the tracker', server.listen())
  return { url: `http://${ours}:${port}/announce`, announces: () => server.stats.announces }
}
