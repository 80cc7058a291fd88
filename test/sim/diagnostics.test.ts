import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, expect } from 'vitest'
import { openDht } from '../../src/net/dht/open.js'
import { trackerOrigin } from '../../src/net/diagnostics.js'
import { seeding } from './raw-peer.js'
import { at, content, isWhole, KIB, type Sim, scenario } from './world.js'

type Told = { readonly channel: string; readonly type: string } & Record<string, unknown>

/** Everything that the channels tell while `play` runs. */
async function listening(play: () => Promise<void>): Promise<Told[]> {
  const told: Told[] = []
  const hear = (message: unknown, name: string | symbol): void => {
    told.push({ channel: String(name), ...(message as Omit<Told, 'channel'>) } as Told)
  }
  const names = ['peer', 'piece', 'tracker', 'dht'].map((name) => `rarest:${name}`)
  for (const name of names) subscribe(name, hear)
  try {
    await play()
  } finally {
    for (const name of names) unsubscribe(name, hear)
  }
  return told
}

const spoil = (data: Uint8Array): void => {
  data[0] = (data[0] as number) ^ 1
}

async function download(sim: Sim): Promise<Told[]> {
  const url = `${await sim.tracker('tracker.test')}?passkey=secret`
  const subject = content(128 * KIB, 32 * KIB, [url, 'http://nowhere.test/secret/announce'])
  return listening(async () => {
    const seed = await sim.join(subject, { seed: true })
    await sim.run(seed.torrent.done)
    const liar = await sim.raw(subject, seeding(subject, spoil))
    const leech = await sim.join(subject, { add: { peers: [liar.address] } })
    await sim.run(() => leech.closes.length > 0)
    leech.torrent.addPeers([at(seed)])
    await sim.run(leech.torrent.done)
    expect(isWhole(leech.host, subject)).toBe(true)
    await sim.run(leech.session.close())
  })
}

describe('diagnostics channels', () => {
  scenario('tell of peers, pieces and trackers, and keep passkeys', async (sim) => {
    const told = await download(sim)
    const of = (channel: string, type: string): Told[] =>
      told.filter((each) => each.channel === `rarest:${channel}` && each.type === type)
    const infoHash = sim.members[0]?.torrent.infoHash
    expect(new Set(told.map((each) => each['infoHash']))).toEqual(new Set([infoHash]))
    expect(of('piece', 'verified').map((each) => each['piece'])).toHaveLength(4)
    expect(of('piece', 'failed').length).toBeGreaterThan(0)
    expect(of('peer', 'connected').length).toBeGreaterThanOrEqual(2)
    for (const each of of('peer', 'closed')) expect(each['code']).toMatch(/^[a-z]+\/[a-z-]+$|^E[A-Z]+$/)
    expect(of('tracker', 'answer')).toContainEqual(
      expect.objectContaining({ tracker: 'http://tracker.test:6969', peers: expect.any(Number) }),
    )
    expect(of('tracker', 'failure')).toContainEqual(
      expect.objectContaining({ tracker: 'http://nowhere.test', code: expect.any(String) }),
    )
    expect(JSON.stringify(told)).not.toContain('secret')
  })

  scenario('tell of look-ups of the DHT', async (sim) => {
    const hosts = [sim.network.host(), sim.network.host()]
    const told = await listening(async () => {
      const [first, second] = hosts
      const node = await sim.run(openDht({ world: first!.world, port: 6881, bootstrap: [] }))
      const other = await sim.run(
        openDht({ world: second!.world, port: 6881, bootstrap: [`${first!.ip}:6881`] }),
      )
      await sim.run(
        (async () => {
          for await (const _ of other.getPeers(new Uint8Array(20).fill(7)))
            expect.unreachable('nobody announced')
        })(),
      )
      await sim.run(Promise.all([node.close(), other.close()]))
    })
    const lookups = told.filter(({ channel }) => channel === 'rarest:dht')
    expect(lookups.length).toBeGreaterThan(0)
    for (const each of lookups) {
      expect(each).toEqual({
        channel: 'rarest:dht',
        type: 'lookup',
        queries: expect.any(Number),
        responded: expect.any(Number),
        timedOut: expect.any(Number),
        duration: expect.any(Number),
      })
    }
  })

  scenario('name the origin of a tracker and no more', async () => {
    expect(trackerOrigin('https://user:word@tracker.example:8443/key/announce?a=b')).toBe(
      'https://tracker.example:8443',
    )
    expect(trackerOrigin('udp://[2001:db8::1]:6969')).toBe('udp://[2001:db8::1]:6969')
    expect(trackerOrigin('HTTP://a@b@host?key')).toBe('HTTP://host')
    expect(trackerOrigin('not a url')).toBe('')
  })
})
