import { describe, expect, it } from 'vitest'
import { type AnnounceAction, Announcer, type AnnouncerOptions } from '../../../src/tracker/announcer.js'
import { type AnnounceResponse, TrackerError } from '../../../src/tracker/types.js'
import type { Random } from '../../../src/util/random.js'

const MINUTE = 60_000

/** uint32 of 0 gives no jitter, and a Fisher-Yates that reverses pairs: tests of order name what they see. */
function fixed(value: number): Random {
  return { uint32: () => value, bytes: (length) => new Uint8Array(length) }
}

/** No jitter (below() = 0) and, by always swapping with 0, a known shuffle. */
const quiet = fixed(0)
/** Shuffle that keeps the order; jitter at its maximum. */
const last = fixed(0xffff_ffff)

function make(options: Partial<AnnouncerOptions> & Pick<AnnouncerOptions, 'tiers'>): Announcer {
  return new Announcer({ random: last, ...options })
}

function drain(announcer: Announcer, now: number): AnnounceAction[] {
  const actions: AnnounceAction[] = []
  for (let action = announcer.poll(now); action; action = announcer.poll(now)) actions.push(action)
  return actions
}

function one(announcer: Announcer, now: number): AnnounceAction {
  const actions = drain(announcer, now)
  expect(actions).toHaveLength(1)
  return actions[0]!
}

const said = (actions: AnnounceAction[]): string[] =>
  actions.map(({ url, event }) => `${event ?? 'regular'} ${url.slice('http://'.length)}`)

const answer = (fields: Partial<AnnounceResponse> = {}): AnnounceResponse => ({
  interval: 1800,
  peers: [],
  ...fields,
})
const refusal = (options: { retryIn?: number } = {}): TrackerError =>
  new TrackerError('tracker/failure', 'the tracker refused: no', options)

const A = 'http://a/announce'
const B = 'http://b/announce'
const C = 'http://c/announce'

describe('events', () => {
  it('says started until the tracker confirms, then nothing but the interval', () => {
    const announcer = make({ tiers: [[A]] })
    expect(announcer.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
    expect(drain(announcer, 0)).toEqual([])
    announcer.started(0)
    expect(announcer.nextTimeout()).toBe(0)
    const first = one(announcer, 0)
    expect(first).toMatchObject({
      url: A,
      event: 'started',
      numwant: 200,
      paused: false,
      replaces: undefined,
    })
    expect(announcer.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
    announcer.failed(first.id, refusal(), 100)
    const retry = announcer.nextTimeout()
    expect(retry).toBeGreaterThanOrEqual(100 + 17_500)
    expect(retry).toBeLessThanOrEqual(100 + 17_500 * 1.05 + 1)
    expect(drain(announcer, retry - 1)).toEqual([])
    const second = one(announcer, retry)
    expect(second.event).toBe('started')
    announcer.succeeded(second.id, answer(), retry)
    const third = one(announcer, announcer.nextTimeout())
    expect(third.event).toBeUndefined()
  })

  it('says completed once, at once, and after the announce under way', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    const first = one(announcer, 0)
    announcer.completed(10)
    expect(drain(announcer, 10)).toEqual([])
    announcer.succeeded(first.id, answer(), 20)
    const completed = one(announcer, 20)
    expect(completed.event).toBe('completed')
    announcer.succeeded(completed.id, answer(), 30)
    expect(drain(announcer, 30)).toEqual([])
    expect(one(announcer, announcer.nextTimeout()).event).toBeUndefined()
  })

  it('repeats a completed that failed', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer(), 0)
    announcer.completed(MINUTE)
    announcer.failed(one(announcer, MINUTE).id, refusal(), MINUTE)
    expect(one(announcer, announcer.nextTimeout()).event).toBe('completed')
  })

  it('says no completed to a tracker that never heard of the download', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.failed(one(announcer, 0).id, refusal(), 0)
    announcer.completed(1_000)
    const retry = one(announcer, announcer.nextTimeout())
    expect(retry.event).toBe('started')
    announcer.succeeded(retry.id, answer(), MINUTE)
    expect(one(announcer, announcer.nextTimeout()).event).toBeUndefined()
  })

  it('says stopped once, with a short time-out and no retry', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer({ trackerId: 'x' }), 0)
    announcer.stop(5_000)
    expect(announcer.isIdle).toBe(false)
    const stopped = one(announcer, 5_000)
    expect(stopped).toMatchObject({ event: 'stopped', numwant: 0, timeout: 5_000, trackerId: 'x' })
    announcer.failed(stopped.id, refusal(), 6_000)
    expect(announcer.isIdle).toBe(true)
    expect(announcer.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
    expect(drain(announcer, 1e9)).toEqual([])
    expect(announcer.trackers[0]).toMatchObject({ status: 'stopped', nextAnnounce: Number.POSITIVE_INFINITY })
  })

  it('says no stopped to a tracker that never answered, or before the start', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.stop(0)
    announcer.started(0)
    announcer.failed(one(announcer, 0).id, refusal(), 0)
    announcer.stop(1_000)
    expect(drain(announcer, 1_000)).toEqual([])
    expect(announcer.isIdle).toBe(true)
  })

  it('says stopped to a tracker that timed out: it may have heard us', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.failed(one(announcer, 0).id, new TrackerError('tracker/timeout', 'silence'), 0)
    announcer.stop(1_000)
    expect(said(drain(announcer, 1_000))).toEqual(['stopped a/announce'])
  })

  it('replaces an announce under way by stopped, and ignores its answer', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    const first = one(announcer, 0)
    announcer.stop(10)
    const stopped = one(announcer, 10)
    expect(stopped).toMatchObject({ event: 'stopped', replaces: first.id })
    announcer.succeeded(first.id, answer({ peers: [{ address: { host: '1.2.3.4', port: 1 } }] }), 20)
    expect(announcer.trackers[0]?.peersReceived).toBe(0)
    announcer.succeeded(stopped.id, answer(), 30)
    expect(announcer.isIdle).toBe(true)
  })

  it('pauses and resumes: stopped, silence, started', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer(), 0)
    announcer.pause(1_000)
    const stopped = one(announcer, 1_000)
    announcer.resume(1_500)
    // One after the other, or they could arrive in the wrong order.
    expect(drain(announcer, 1_500)).toEqual([])
    announcer.succeeded(stopped.id, answer(), 2_000)
    expect(one(announcer, 2_000).event).toBe('started')
  })

  it('takes back a farewell that was not given yet', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer(), 0)
    announcer.pause(1_000)
    announcer.resume(1_000)
    expect(one(announcer, 1_000).event).toBeUndefined()
  })

  it('gives one farewell when stopped, started and stopped again', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer(), 0)
    announcer.stop(1)
    const stopped = one(announcer, 1)
    announcer.started(2)
    announcer.stop(3)
    expect(drain(announcer, 3)).toEqual([])
    announcer.succeeded(stopped.id, answer(), 4)
    expect(announcer.isIdle).toBe(true)
  })

  it('marks announces of a partial seed', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.partialSeed = true
    announcer.started(0)
    expect(one(announcer, 0).paused).toBe(true)
  })
})

describe('intervals', () => {
  it.each([
    ['as told', { interval: 440 }, 440_000],
    ['as told, longer', { interval: 3600 }, 3_600_000],
    ['never below a minute', { interval: 5 }, 60_000],
    ['never below a minute, at 0', { interval: 0 }, 60_000],
    ['never above a day', { interval: 1e9 }, 86_400_000],
    ['never below the min interval', { interval: 120, minInterval: 900 }, 900_000],
  ])('waits %s', (_name, response, expected) => {
    const announcer = make({ tiers: [[A]], random: quiet })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer(response), 1_000)
    expect(announcer.nextTimeout()).toBe(1_000 + expected)
    expect(announcer.trackers[0]).toMatchObject({ interval: expected, nextAnnounce: 1_000 + expected })
    expect(drain(announcer, announcer.nextTimeout() - 1)).toEqual([])
    expect(drain(announcer, announcer.nextTimeout())).toHaveLength(1)
  })

  it('spreads announces a little, never earlier', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer(), 0)
    expect(announcer.nextTimeout()).toBe(1_830_000)
  })

  it('takes other bounds', () => {
    const announcer = make({ tiers: [[A]], random: quiet, interval: { min: 1_000, max: 5_000 } })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer({ interval: 2 }), 0)
    expect(announcer.nextTimeout()).toBe(2_000)
  })

  it.each([
    ['after five minutes by default', {}, 300_000],
    ['after the min interval', { minInterval: 90 }, 90_000],
    ['after a minute at the earliest', { minInterval: 1 }, 60_000],
    ['not after the regular interval', { interval: 100 }, 100_000],
  ])('announces early when short of peers: %s', (_name, response, expected) => {
    const announcer = make({ tiers: [[A]], random: quiet })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer(response), 0)
    for (let now = 0; now < 50_000; now += 1_000) announcer.needPeers(now)
    expect(announcer.nextTimeout()).toBe(expected)
    announcer.succeeded(one(announcer, expected).id, answer(response), expected)
    expect(announcer.nextTimeout()).toBeGreaterThan(expected)
  })
})

describe('failures', () => {
  it('backs off as libtorrent does, up to an hour', () => {
    const announcer = make({ tiers: [[A]], random: quiet })
    announcer.started(0)
    const waits: number[] = []
    let now = 0
    for (let i = 0; i < 20; i++) {
      announcer.failed(one(announcer, now).id, refusal(), now)
      waits.push(announcer.nextTimeout() - now)
      now = announcer.nextTimeout()
    }
    expect(waits.slice(0, 4)).toEqual([17_500, 55_000, 117_500, 205_000])
    expect(Math.max(...waits)).toBe(3_600_000)
    expect(announcer.trackers[0]).toMatchObject({
      status: 'failed',
      failures: 20,
      lastError: { code: 'tracker/failure' },
    })
  })

  it('heeds retry in, also across a restart', () => {
    const announcer = make({ tiers: [[A]], random: quiet })
    announcer.started(0)
    announcer.failed(one(announcer, 0).id, refusal({ retryIn: 30 * MINUTE }), 0)
    expect(announcer.nextTimeout()).toBe(30 * MINUTE)
    announcer.needPeers(0)
    announcer.stop(MINUTE)
    announcer.started(MINUTE)
    expect(announcer.nextTimeout()).toBe(30 * MINUTE)
  })

  it('does not come back when told never', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.failed(one(announcer, 0).id, refusal({ retryIn: Number.POSITIVE_INFINITY }), 0)
    expect(announcer.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
  })

  it('lets its own back-off end with a restart', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.failed(one(announcer, 0).id, refusal(), 0)
    announcer.stop(10)
    announcer.started(20)
    expect(said(drain(announcer, 20))).toEqual(['started a/announce'])
  })

  it('never asks trackers of unknown schemes, and says so', () => {
    const announcer = make({ tiers: [['wss://tracker/', 'nonsense'], [A]] })
    announcer.started(0)
    expect(said(drain(announcer, 0))).toEqual(['started a/announce'])
    expect(announcer.trackers.map(({ status, lastError }) => [status, lastError?.code])).toEqual([
      ['failed', 'tracker/unsupported-scheme'],
      ['failed', 'tracker/invalid-url'],
      ['announcing', undefined],
    ])
  })

  it('takes any thrown value', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.failed(one(announcer, 0).id, 'boom', 0)
    expect(announcer.trackers[0]?.lastError).toEqual({ code: 'internal', message: 'boom' })
    announcer.failed(999, 'unknown id', 0)
    announcer.succeeded(999, answer(), 0)
  })
})

describe('tiers', () => {
  it('asks one tracker of each tier by default', () => {
    const announcer = make({ tiers: [[A, B], [C]] })
    announcer.started(0)
    expect(said(drain(announcer, 0))).toEqual(['started a/announce', 'started c/announce'])
  })

  it('asks all when told to', () => {
    const announcer = make({ tiers: [[A, B], [C]], order: 'all' })
    announcer.started(0)
    expect(drain(announcer, 0)).toHaveLength(3)
  })

  it('asks tier after tier in strict order', () => {
    const announcer = make({ tiers: [[A, B], [C]], order: 'strict', random: fixed(0xffff_ffff) })
    announcer.started(0)
    const asked: string[] = []
    for (let i = 0; i < 3; i++) {
      const action = one(announcer, 1)
      asked.push(action.url)
      announcer.failed(action.id, refusal(), 1)
    }
    expect(asked).toEqual([A, B, C])
    expect(drain(announcer, 1)).toEqual([])
  })

  it('fails over inside the tier at once; who answers moves to the front and stays in use', () => {
    const announcer = make({ tiers: [[A, B]] })
    announcer.started(0)
    const first = one(announcer, 0)
    expect(first.url).toBe(A)
    announcer.failed(first.id, refusal(), 0)
    const second = one(announcer, 0)
    expect(second).toMatchObject({ url: B, event: 'started' })
    announcer.succeeded(second.id, answer(), 0)
    expect(announcer.trackers.map(({ url }) => url)).toEqual([B, A])
    // The one that failed is left alone while its neighbour works.
    expect(announcer.nextTimeout()).toBeGreaterThanOrEqual(1_800_000)
    const third = one(announcer, announcer.nextTimeout())
    expect(third).toMatchObject({ url: B, event: undefined })
    announcer.failed(third.id, refusal(), 2_000_000)
    expect(one(announcer, 2_000_000)).toMatchObject({ url: A, event: 'started' })
  })

  it('returns to an earlier tier in strict order when its back-off is over', () => {
    const announcer = make({ tiers: [[A], [B]], order: 'strict', random: quiet })
    announcer.started(0)
    announcer.failed(one(announcer, 0).id, refusal(), 0)
    announcer.succeeded(one(announcer, 0).id, answer(), 0)
    expect(announcer.nextTimeout()).toBe(17_500)
    expect(one(announcer, 17_500).url).toBe(A)
  })

  it('shuffles each tier once', () => {
    const urls = Array.from({ length: 8 }, (_, i) => `http://t${i}/announce`)
    let state = 1
    const random: Random = {
      uint32: () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        return state
      },
      bytes: (length) => new Uint8Array(length),
    }
    const announcer = make({ tiers: [urls, [A]], random })
    const order = announcer.trackers.map(({ url }) => url)
    expect(order).not.toEqual([...urls, A])
    expect(order.slice(0, 8).sort()).toEqual(urls)
    expect(order[8]).toBe(A)
  })

  it('drops empty tiers and duplicates, and takes 200 trackers at most', () => {
    const announcer = make({ tiers: [[], [A, A], [A, B]] })
    expect(announcer.trackers.map(({ url, tier }) => [url, tier])).toEqual([
      [A, 0],
      [B, 1],
    ])
    const many = make({ tiers: [Array.from({ length: 1_000 }, (_, i) => `http://t${i}/announce`)] })
    expect(many.trackers).toHaveLength(200)
    expect(many.addTracker(A)).toBe(false)
  })

  it('adds and removes trackers while running', () => {
    const announcer = make({ tiers: [[A]] })
    announcer.started(0)
    announcer.succeeded(one(announcer, 0).id, answer(), 0)
    expect(announcer.addTracker(B)).toBe(true)
    expect(announcer.addTracker(B)).toBe(false)
    expect(announcer.addTracker(C, 0)).toBe(true)
    expect(said(drain(announcer, 1))).toEqual(['started b/announce'])
    expect(announcer.removeTracker(A)).toBe(true)
    expect(announcer.removeTracker(A)).toBe(false)
    expect(said(drain(announcer, 2))).toEqual(['stopped a/announce', 'started c/announce'])
    expect(announcer.trackers.map(({ url, tier }) => [url, tier])).toEqual([
      [C, 0],
      [B, 1],
    ])
  })

  it('stays silent when a tracker is added while paused', () => {
    const announcer = make({ tiers: [] })
    announcer.addTracker(A)
    expect(drain(announcer, 0)).toEqual([])
    expect(announcer.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('private torrents', () => {
  it('use one tracker at a time and leave it only when it fails', () => {
    const announcer = make({ tiers: [[A], [B]], private: true, order: 'all', random: quiet })
    announcer.started(0)
    announcer.failed(one(announcer, 0).id, refusal(), 0)
    expect(announcer.succeeded(one(announcer, 0).id, answer(), 0)).toBe(false)
    // A's back-off ends, but B works.
    expect(drain(announcer, 20_000)).toEqual([])
    expect(announcer.nextTimeout()).toBe(1_800_000)
    const again = one(announcer, 1_800_000)
    expect(again.url).toBe(B)
    announcer.failed(again.id, refusal(), 1_800_000)
    const other = one(announcer, 1_800_000)
    expect(other.url).toBe(A)
    expect(announcer.succeeded(other.id, answer(), 1_800_000)).toBe(true)
  })

  it('keeps one tracker when a magnet turns out private', () => {
    const announcer = make({ tiers: [[A], [B], [C]] })
    announcer.started(0)
    const [a, b, c] = drain(announcer, 0)
    announcer.succeeded(b!.id, answer(), 0)
    announcer.failed(c!.id, refusal(), 0)
    announcer.makePrivate()
    announcer.makePrivate()
    const farewells = drain(announcer, 1)
    expect(said(farewells)).toEqual(['stopped a/announce'])
    expect(farewells[0]?.replaces).toBe(a!.id)
    announcer.succeeded(farewells[0]!.id, answer(), 2)
    expect(said(drain(announcer, announcer.nextTimeout()))).toEqual(['regular b/announce'])
  })
})

it('remembers what a tracker says', () => {
  const announcer = make({ tiers: [[A]] })
  announcer.started(0)
  const peers = [{ address: { host: '1.2.3.4', port: 1 } }, { address: { host: '1.2.3.5', port: 1 } }]
  announcer.succeeded(
    one(announcer, 0).id,
    answer({ peers, complete: 3, incomplete: 4, downloaded: 5, warning: 'soon closed', trackerId: 'id' }),
    0,
  )
  expect(announcer.trackers[0]).toMatchObject({
    status: 'working',
    seeders: 3,
    leechers: 4,
    downloaded: 5,
    message: 'soon closed',
    peersReceived: 2,
  })
  const next = one(announcer, announcer.nextTimeout())
  expect(next.trackerId).toBe('id')
  announcer.succeeded(next.id, answer(), 2e6)
  expect(one(announcer, announcer.nextTimeout()).trackerId).toBe('id')
})
