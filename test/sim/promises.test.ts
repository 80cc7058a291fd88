import { describe, expect, it } from 'vitest'
import { ed25519 } from '../../src/hash/ed25519.js'
import { Session, type Torrent } from '../../src/index.js'
import { magnetOf } from '../../src/metainfo/index.js'
import { VirtualNetwork } from '../../src/testing/index.js'
import { contentOfFiles, KIB } from './world.js'

const NOWHERE = '10.99.0.1'
const tracker = 'http://silent.test/announce'
const udp = 'udp://silent.test:1/announce'
const files = contentOfFiles([40 * KIB, 50 * KIB], 16 * KIB, { trackers: [tracker, udp] })
const magnet = magnetOf(contentOfFiles([70 * KIB], 16 * KIB, { trackers: [tracker] }).metainfo)
const secretKey = new Uint8Array(32).fill(3)
const publicKey = ed25519.publicKeyOf(secretKey)
const key = 'aa'.repeat(20)

/** One call of the public face. What it gives may fail, and must not wait for ever. */
interface Call {
  readonly name: string
  readonly begin: (parts: Parts) => Promise<unknown>
}

interface Parts {
  readonly session: Session
  /** A torrent whose data is missing, and one whose metadata is. */
  readonly torrent: Torrent
  readonly link: Torrent
  readonly signal: AbortSignal | undefined
}

const dhtOf = ({ session }: Parts) => {
  if (!session.dht) throw new Error('no DHT')
  return session.dht
}

async function drain(values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values);
}

/** Calls that take a signal are tried with one that aborts, and without. */
const withSignal: readonly Call[] = [
  {
    name: 'session.add(url)',
    begin: ({ session, signal }) => session.add('http://silent.test/x.torrent', opt(signal)),
  },
  {
    name: 'session.add(link to a key)',
    begin: ({ session, signal }) => session.add(`magnet:?xs=urn:btpk:${'ab'.repeat(32)}`, opt(signal)),
  },
  { name: 'session.close()', begin: ({ session, signal }) => session.close(opt(signal)) },
  { name: 'torrent.recheck()', begin: ({ torrent, signal }) => torrent.recheck(opt(signal)) },
  { name: 'torrent.readPiece()', begin: ({ torrent, signal }) => torrent.readPiece(0, opt(signal)) },
  { name: 'torrent.readPiece() of a magnet', begin: ({ link, signal }) => link.readPiece(0, opt(signal)) },
  { name: 'torrent.pause()', begin: ({ torrent, signal }) => torrent.pause(opt(signal)) },
  { name: 'torrent.resume()', begin: ({ torrent, signal }) => torrent.resume(opt(signal)) },
  {
    name: 'torrent.resume() after pause()',
    begin: ({ link, signal }) => Promise.all([link.pause(opt(signal)), link.resume(opt(signal))]),
  },
  { name: 'torrent.close()', begin: ({ torrent, signal }) => torrent.close(opt(signal)) },
  {
    name: 'torrent.remove()',
    begin: ({ torrent, signal }) => torrent.remove({ deleteData: true, ...opt(signal) }),
  },
  {
    name: 'file.stream()',
    begin: ({ torrent, signal }) => drain(torrent.files[1]?.stream(opt(signal)) ?? none()),
  },
  { name: 'dht.getPeers()', begin: (parts) => drain(dhtOf(parts).getPeers(key, opt(parts.signal))) },
  { name: 'dht.getPeers().done', begin: (parts) => dhtOf(parts).getPeers(key, opt(parts.signal)).done },
  {
    name: 'dht.announce()',
    begin: (parts) => dhtOf(parts).announce(key, { port: 1, ...opt(parts.signal) }).done,
  },
  { name: 'dht.scrape()', begin: (parts) => dhtOf(parts).scrape(key, opt(parts.signal)) },
  { name: 'dht.sample()', begin: (parts) => drain(dhtOf(parts).sample(key, opt(parts.signal))) },
  { name: 'dht.crawl()', begin: (parts) => drain(dhtOf(parts).crawl(opt(parts.signal))) },
  { name: 'dht.ping()', begin: (parts) => dhtOf(parts).ping(`${NOWHERE}:1`, opt(parts.signal)) },
  { name: 'dht.ping() by name', begin: (parts) => dhtOf(parts).ping('silent.test:1', opt(parts.signal)) },
  { name: 'dht.get()', begin: (parts) => dhtOf(parts).get(key, opt(parts.signal)) },
  { name: 'dht.getMutable()', begin: (parts) => dhtOf(parts).getMutable(publicKey, opt(parts.signal)) },
  { name: 'dht.put()', begin: (parts) => dhtOf(parts).put('value', { keep: true, ...opt(parts.signal) }) },
  {
    name: 'dht.putMutable()',
    begin: (parts) => dhtOf(parts).putMutable('value', { secretKey, ...opt(parts.signal) }),
  },
  { name: 'dht.updates()', begin: (parts) => drain(dhtOf(parts).updates(publicKey, opt(parts.signal))) },
]

/** Promises that are just there. */
const plain: readonly Call[] = [
  { name: 'session.ready', begin: ({ session }) => session.ready },
  { name: 'dht.ready', begin: (parts) => dhtOf(parts).ready },
  { name: 'torrent.metadata', begin: ({ torrent }) => torrent.metadata },
  { name: 'torrent.metadata of a magnet', begin: ({ link }) => link.metadata },
  { name: 'torrent.ready', begin: ({ torrent }) => torrent.ready },
  { name: 'torrent.ready of a magnet', begin: ({ link }) => link.ready },
  { name: 'torrent.done', begin: ({ torrent }) => torrent.done },
  { name: 'torrent.done of a magnet', begin: ({ link }) => link.done },
]

/** ms within which everything has an end: farewells to trackers have 5 s. */
const LIMIT = 30_000
/** ms after the calls at which the end is: none, while names are looked up, while peers are dialled, much later. */
const MOMENTS = [0, 1, 700, 15_000]

describe('no promise waits for ever, in a world that answers nothing', () => {
  for (const [index, after] of MOMENTS.entries()) {
    const seed = index + 1
    it(`when the session closes after ${after} ms`, { timeout: 60_000 }, async () => {
      await silently(seed, async ({ network, parts, session }) => {
        const calls = [...plain, ...withSignal.filter(({ name }) => name !== 'session.close()')]
        const waiting = watch(calls, parts(undefined))
        await network.advance(after)
        await network.run({ until: session.close(), limit: LIMIT })
        await network.advance(1)
        expect([...waiting], `seed ${seed}`).toEqual([])
        // And what is asked after the end.
        const late = watch([...plain, ...withSignal], parts(undefined))
        await network.advance(1)
        expect([...late], `seed ${seed}, after the end`).toEqual([])
      })
    })

    it(`when the torrents close after ${after} ms`, { timeout: 60_000 }, async () => {
      await silently(seed, async ({ network, parts, torrent, link }) => {
        const ofTorrents = ({ name }: Call) => /^(torrent|file)\./.test(name)
        const waiting = watch([...plain, ...withSignal].filter(ofTorrents), parts(undefined))
        await network.advance(after)
        await network.run({ until: Promise.all([torrent.close(), link.close()]), limit: LIMIT })
        await network.advance(1)
        expect([...waiting], `seed ${seed}`).toEqual([])
        for (const each of [torrent, link]) {
          each.select([])
          for (const index of each.files.keys()) each.select([index])
          const late = watch([...plain, ...withSignal].filter(ofTorrents), parts(undefined))
          await network.advance(1)
          expect([...late], `seed ${seed}, after the end`).toEqual([])
        }
      })
    })

    it(`when the signal aborts after ${after} ms`, { timeout: 60_000 }, async () => {
      for (const call of withSignal) {
        await silently(seed, async ({ network, parts }) => {
          const abort = new AbortController()
          const waiting = watch([call], parts(abort.signal))
          await network.advance(after)
          abort.abort(new Error('enough'))
          await network.advance(1)
          expect([...waiting], `seed ${seed}`).toEqual([])
        })
      }
    })
  }
})

interface Silence {
  readonly network: VirtualNetwork
  readonly session: Session
  readonly torrent: Torrent
  readonly link: Torrent
  readonly parts: (signal: AbortSignal | undefined) => Parts
}

/** A session with two torrents, whose trackers, peers, routers and names are all silent. */
async function silently(seed: number, play: (silence: Silence) => Promise<void>): Promise<void> {
  const network = new VirtualNetwork({ seed })
  network.names.set('silent.test', [NOWHERE])
  network.names.set('router.test', [NOWHERE])
  const host = network.host()
  const session = new Session({
    world: host.world,
    storage: () => host.disk.backend(),
    dht: { bootstrap: ['router.test:6881'] },
  })
  const adding = Promise.all([
    session.add(files.metainfo, { peers: [`${NOWHERE}:6881`] }),
    session.add(magnet, { peers: [`${NOWHERE}:6881`, 'silent.test:6882'] }),
  ])
  const [torrent, link] = await network.run({ until: adding })
  try {
    await play({ network, session, torrent, link, parts: (signal) => ({ session, torrent, link, signal }) })
  } finally {
    await network.run({ until: session.close(), limit: LIMIT })
  }
  expect(host.open).toEqual([])
}

/** Begins the calls; the names of those that have not settled. */
function watch(calls: readonly Call[], parts: Parts): Set<string> {
  const waiting = new Set<string>()
  for (const { name, begin } of calls) {
    waiting.add(name)
    const over = () => waiting.delete(name)
    new Promise((resolve) => resolve(begin(parts))).then(over, over)
  }
  return waiting
}

function opt(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal ? { signal } : {}
}

async function* none(): AsyncGenerator<never> {}
