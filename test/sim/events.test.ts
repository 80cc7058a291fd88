import type { EventEmitter } from 'node:events'
import { describe, expect } from 'vitest'
import {
  Session,
  type SessionEvents,
  type Torrent,
  type TorrentEvents,
  type TorrentState,
} from '../../src/index.js'
import { magnetOf } from '../../src/metainfo/index.js'
import { TRANSITIONS } from '../../src/torrent/states.js'
import { at, contentOfFiles, isWhole, KIB, type Sim, scenario } from './world.js'

const PIECE = 32 * KIB
/** Files that share pieces, an empty one, a pad, one of a piece alone, one of three. */
const LENGTHS = [40 * KIB, 10 * KIB, 0, -14 * KIB, 32 * KIB, 70 * KIB]

/** What a listener of the tests throws. */
class Thrown extends Error {}

/** Runs on after what listeners throw, which the virtual world lets out as Node lets out an `uncaughtException`. */
async function runThrough<T>(sim: Sim, until: Promise<T>, caught: Thrown[]): Promise<T> {
  for (;;) {
    try {
      return await sim.run(until, 600_000)
    } catch (error) {
      const { cause } = error as Error
      if (!(cause instanceof Thrown)) throw error
      caught.push(cause)
    }
  }
}

interface Tour {
  readonly torrent: Torrent
  readonly caught: readonly Thrown[]
}

/**
 * A session that fetches a magnet, is paused, loses a file, has a disk that fails, and is closed: all that there is
 * to tell. Listeners are set before anything happens.
 */
async function tour(
  sim: Sim,
  listen: (session: Session) => void,
  listenTo: (torrent: Torrent) => void,
): Promise<Tour> {
  const caught: Thrown[] = []
  const run = <T>(until: Promise<T>) => runThrough(sim, until, caught)
  const tracker = await sim.tracker('tracker.test')
  const files = contentOfFiles(LENGTHS, PIECE, { trackers: [tracker, 'http://nowhere.test/announce'] })
  const seed = await sim.join(files, { seed: true })
  await sim.run(seed.torrent.done)
  const host = sim.network.host()
  const session = new Session({ world: host.world, storage: () => host.disk.backend(), utp: false })
  listen(session)
  session.prependListener('added', listenTo)
  const torrent = await run(session.add(magnetOf(files.metainfo), { peers: [at(seed)] }))
  expect(await run(torrent.done)).toBe('complete')
  expect(isWhole(host, files)).toBe(true)
  await run(torrent.pause())
  expect(torrent.peers).toEqual([])
  await run(torrent.resume())
  torrent.addPeers([at(seed)])
  host.disk.writeFile('downloads/set/file-5.bin', new Uint8Array(70 * KIB))
  await run(torrent.recheck())
  expect(await run(torrent.done)).toBe('complete')
  expect(isWhole(host, files)).toBe(true)
  host.disk.fault = ({ kind }) => (kind === 'read' ? 'EIO' : undefined)
  await run(torrent.recheck().catch(() => {}))
  expect(torrent.state).toBe('error')
  host.disk.fault = undefined
  await run(torrent.resume())
  expect(await run(torrent.done)).toBe('complete')
  await run(session.close())
  expect(host.open).toEqual([])
  return { torrent, caught }
}

const TORRENT_EVENTS = [
  'state',
  'metadata',
  'ready',
  'checking',
  'piece',
  'lost',
  'file',
  'done',
  'peer',
  'peer-closed',
  'tracker',
  'warning',
  'error',
  'paused',
  'resumed',
  'closed',
] as const satisfies (keyof TorrentEvents)[]

const SESSION_EVENTS = [
  'listening',
  'added',
  'removed',
  'warning',
  'closed',
] as const satisfies (keyof SessionEvents)[]

describe('a listener that throws', () => {
  /** Every time; returns how often it was called. */
  const thrower = (emitter: EventEmitter, event: string): (() => number) => {
    let calls = 0
    emitter.on(event, () => {
      calls++
      throw new Thrown(event)
    })
    return () => calls
  }

  for (const event of TORRENT_EVENTS) {
    scenario(`in '${event}' of a torrent stops nothing, and its errors come out once each`, async (sim) => {
      let calls = () => 0
      const { caught } = await tour(
        sim,
        () => {},
        (torrent) => {
          torrent.on('error', () => {})
          calls = thrower(torrent, event)
        },
      )
      expect(calls()).toBeGreaterThan(0)
      expect(caught).toHaveLength(calls())
    })
  }

  for (const event of SESSION_EVENTS) {
    scenario(`in '${event}' of a session stops nothing, and its errors come out once each`, async (sim) => {
      let calls = () => 0
      const { caught } = await tour(
        sim,
        (session) => {
          calls = thrower(session, event)
        },
        () => {},
      )
      expect(calls()).toBeGreaterThan(0)
      expect(caught).toHaveLength(calls())
    })
  }
})

describe('events', () => {
  scenario('come in the order in which things happen, of session and torrent', async (sim) => {
    const told: string[] = []
    const states: TorrentState[] = ['metadata']
    const files: number[] = []
    const { torrent } = await tour(
      sim,
      (session) => {
        for (const event of SESSION_EVENTS) session.on(event, () => told.push(`session ${event}`))
      },
      (added) => {
        for (const event of TORRENT_EVENTS) added.on(event, () => told.push(event))
        added.on('state', (from, to) => {
          expect(from).toBe(states.at(-1))
          expect(Object.values(TRANSITIONS[from])).toContain(to)
          states.push(to)
        })
        added.on('file', (file) => {
          expect(added.files[file]?.progress).toBe(1)
          files.push(file)
        })
        added.on('piece', (piece) => {
          // As new as the event, or newer.
          expect((added.bitfield[piece >> 3] as number) & (0x80 >> (piece & 7))).not.toBe(0)
        })
      },
    )
    expect(torrent.state).toBe('closed')
    expect(states).toEqual([
      'metadata',
      'checking',
      'downloading',
      'seeding',
      'paused',
      'seeding',
      'downloading',
      'seeding',
      'error',
      'seeding',
      'closed',
    ])
    // The empty file was there from the start; the last one was lost and fetched again.
    expect(files.toSorted()).toEqual([0, 1, 3, 4, 4])
    const first = [
      'session added',
      'peer',
      'metadata',
      'ready',
      'piece',
      'file',
      'done',
      'peer-closed',
      'paused',
    ]
    expect(first.map((event) => told.indexOf(event))).toEqual(
      first.map((event) => told.indexOf(event)).toSorted((a, b) => a - b),
    )
    const last = ['lost', 'error', 'closed', 'session closed']
    expect(last.map((event) => told.lastIndexOf(event))).toEqual(
      last.map((event) => told.lastIndexOf(event)).toSorted((a, b) => a - b),
    )
    expect(told.at(-1)).toBe('session closed')
  })

  scenario('of trackers say what came of each announce, and when the next one is', async (sim) => {
    const reports: TorrentEvents['tracker'][0][] = []
    await tour(
      sim,
      () => {},
      (torrent) => torrent.on('tracker', (report) => reports.push(report)),
    )
    const answers = reports.filter((report) => report.type === 'answer')
    expect(answers[0]).toMatchObject({ url: 'http://tracker.test:6969/announce', event: 'started', peers: 1 })
    expect(answers.at(-1)).toMatchObject({ event: 'stopped', next: undefined })
    const wait = (answers[0]?.next?.getTime() ?? 0) - 1_735_689_600_000
    expect(wait).toBeGreaterThan(1_800_000)
    expect(wait).toBeLessThan(1_900_000)
    const failure = reports.find((report) => report.type === 'failure')
    expect(failure).toMatchObject({ url: 'http://nowhere.test/announce', code: expect.stringMatching(/./) })
    expect(failure?.next?.getTime()).toBeGreaterThan(1_735_689_600_000)
  })
})
