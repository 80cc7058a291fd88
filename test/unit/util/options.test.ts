import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openDht } from '../../../src/entry/dht.js'
import { TrackerClient, TrackerServer } from '../../../src/entry/tracker.js'
import { createTorrent, Session } from '../../../src/index.js'
import { VirtualNetwork } from '../../../src/testing/index.js'
import {
  abortSignal,
  bag,
  boolean,
  bytes,
  callback,
  checkOptions,
  integer,
  type Kind,
  listOf,
  nearest,
  number,
  object,
  oneOf,
  oneOrList,
  orElse,
  text,
} from '../../../src/util/options.js'

/** What a call throws or rejects with. */
async function failure(call: () => unknown): Promise<unknown> {
  try {
    await call()
  } catch (error) {
    return error
  }
  return undefined
}

const NO = Symbol('refused')

describe('kinds', () => {
  it.each<[string, Kind<unknown>, readonly unknown[], readonly unknown[], readonly unknown[]]>([
    ['integer', integer(0, 9), [0, 9], [-1, 10, 1.5, Number.NaN, Number.POSITIVE_INFINITY], ['1', null, 1n]],
    ['unbounded integer', integer(1), [1, 2 ** 53 - 1], [0, 2 ** 53, Number.POSITIVE_INFINITY], [true]],
    [
      'number',
      number(1),
      [1, 1.5, Number.POSITIVE_INFINITY],
      [0, Number.NaN, Number.NEGATIVE_INFINITY],
      ['1'],
    ],
    ['bounded number', number(1, 2), [1.5], [2.1, Number.POSITIVE_INFINITY], [{}]],
    ['boolean', boolean, [true, false], [], [0, 'true', null]],
    ['text', text, ['', 'x'], [], [0, null, new String('x')]],
    ['bytes', bytes, [new Uint8Array(1), Buffer.alloc(1)], [], [[], 'x', new ArrayBuffer(1)]],
    ['callback', callback, [() => {}], [], [{}, 'x']],
    ['object', object, [{}], [], [null, 'x']],
    ['signal', abortSignal, [new AbortController().signal], [], [{}, null, 'x']],
    ['one of', oneOf(['a', 'b']), ['a'], ['c', 'toString'], [0]],
    ['list', listOf(integer(0, 9)), [[], [1, 2]], [[1, 10]], ['x', [1, 'x'], { length: 0 }]],
    ['one or a list', oneOrList(text), ['x', ['x']], [], [0, [0]]],
    ['or else', orElse(integer(0, 9), false), [1, false], [10], [true, 'x']],
    [
      'bag',
      bag<{ a?: number }>({ a: integer(0, 9) }),
      [{}, { a: undefined }, { a: 1 }],
      [{ a: 10 }],
      [[], null, { b: 1 }],
    ],
  ])('%s', (_, kind, right, wrong, other) => {
    const verdict = (value: unknown): unknown => {
      try {
        kind.check(value, 'option')
      } catch (error) {
        expect(String(error)).toMatch(/option/)
        return [(error as Error).name, (error as { code?: string }).code]
      }
      return NO
    }
    for (const value of right) expect(verdict(value), String(value)).toBe(NO)
    for (const value of wrong) expect(verdict(value)).toEqual(['RangeError', 'options/out-of-range'])
    for (const value of other)
      expect(verdict(value)).toEqual([
        'TypeError',
        expect.stringMatching(/^options\/(wrong-type|unknown-option)$/),
      ])
  })

  it('name what is wrong inside', () => {
    const check = () =>
      checkOptions({ a: [{ b: 'x' }] }, { a: listOf(bag<{ b?: number }>({ b: integer(0, 9) })) }, 'outer')
    expect(check).toThrow('outer.a[0].b must be a number, got string')
  })
})

it.each([
  ['dth', 'dht'],
  ['PATH', 'path'],
  ['pathh', 'path'],
  ['conections', 'connections'],
  ['x', undefined],
  ['', undefined],
  ['q'.repeat(10_000), undefined],
])('the name nearest to %s is %s', (given, expected) => {
  expect(nearest(given, ['path', 'dht', 'connections', 'host'])).toBe(expected)
})

describe('a wrong option is refused by', () => {
  const { world } = new VirtualNetwork({ seed: 1 }).host()

  it.each<[string, object, string, string]>([
    ['a misspelt one', { maxSwarm: 5 }, 'options/unknown-option', 'maxSwarms'],
    ['no torrents', { maxSwarms: 0 }, 'options/out-of-range', 'maxSwarms'],
    ['no peers', { maxPeers: Number.NaN }, 'options/out-of-range', 'maxPeers'],
    ['a fraction', { interval: 1.5 }, 'options/out-of-range', 'interval'],
    ['text for a number', { port: '80' }, 'options/wrong-type', 'port'],
    ['a port that is none', { port: 65_536 }, 'options/out-of-range', 'port'],
    ['nothing to serve', { http: false, udp: false }, 'options/conflict', 'http'],
  ])('a tracker: %s', async (_, options, code, name) => {
    const error = await failure(() => new TrackerServer({ world, ...options }))
    expect(error).toMatchObject({ code, message: expect.stringContaining(name) })
  })

  it('a tracker client and its calls', async () => {
    for (const options of [
      { maxConcurrent: 0 },
      { families: [5] },
      { userAgents: 'x' },
      { localAddresses: { 4: 4 } },
    ])
      expect(await failure(() => new TrackerClient(world, options as object))).toMatchObject({
        code: expect.stringMatching(/^options\//),
      })
    const client = new TrackerClient(world)
    const request = {
      infoHash: '00'.repeat(20),
      peerId: new Uint8Array(20),
      port: 1,
      uploaded: 0,
      downloaded: 0,
      left: 0,
    }
    for (const timeout of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(
        await failure(() => client.announce('http://t.test/', request as never, { timeout })),
      ).toMatchObject({
        code: 'options/out-of-range',
      })
    await client.close()
  })

  it('a DHT node', async () => {
    for (const [options, code] of [
      [{ bootstraps: [] }, 'options/unknown-option'],
      [{ bootstrap: ['x'] }, 'options/out-of-range'],
      [{ maxItems: -1 }, 'options/out-of-range'],
      [{ rateLimits: { bytesPerSecond: 0 } }, 'options/out-of-range'],
      [{ rateLimits: { bytes: 5 } }, 'options/unknown-option'],
      [{ externalIp: 'here' }, 'options/out-of-range'],
      [{ port: 1.5 }, 'options/out-of-range'],
    ] as const)
      expect(
        await failure(() => openDht({ world, ...(options as object) })),
        JSON.stringify(options),
      ).toMatchObject({ code })
  })

  it('the making of a torrent', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rarest-options-'))
    try {
      const file = join(folder, 'a')
      await writeFile(file, 'data')
      for (const [options, code] of [
        [{ pieceLenght: 16_384 }, 'options/unknown-option'],
        [{ pieceLength: 0 }, 'options/out-of-range'],
        [{ pieceLength: Number.NaN }, 'options/out-of-range'],
        [{ creationDate: 1.5 }, 'options/out-of-range'],
        [{ version: '3' }, 'options/out-of-range'],
        [{ private: 1 }, 'options/wrong-type'],
        [{ include: 5 }, 'options/wrong-type'],
        [{ trackers: [[5]] }, 'options/wrong-type'],
      ] as const)
        expect(
          await failure(() => createTorrent(file, options as object)),
          JSON.stringify(options),
        ).toMatchObject({ code })
      expect(
        await createTorrent(file, { include: ['*', /a/, () => true], name: 'x', creationDate: 0 }),
      ).toBeInstanceOf(Uint8Array)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('a session: what is added, what is banned', async () => {
    const network = new VirtualNetwork({ seed: 1 })
    const session = new Session({ world: network.host().world })
    await network.run({ until: session.ready })
    for (const [options, code] of [
      [{ pathh: 'x' }, 'options/unknown-option'],
      [{ select: [-1] }, 'options/out-of-range'],
      [{ superseed: 'lax' }, 'options/out-of-range'],
      [{ updates: { interval: 1 } }, 'options/out-of-range'],
      [{ updates: { intervall: 100_000 } }, 'options/unknown-option'],
      [{ signal: {} }, 'options/wrong-type'],
      [{ peers: '10.0.0.1:1' }, 'options/wrong-type'],
    ] as const)
      expect(
        await failure(() => session.add(new Uint8Array(), options as object)),
        JSON.stringify(options),
      ).toMatchObject({ code })
    for (const [options, code] of [
      [{ durations: 5 }, 'options/unknown-option'],
      [{ duration: 0 }, 'options/out-of-range'],
      [{ duration: Number.NaN }, 'options/out-of-range'],
      [{ reason: 5 }, 'options/wrong-type'],
    ] as const)
      expect(
        await failure(() => session.ban('10.0.0.1', options as object)),
        JSON.stringify(options),
      ).toMatchObject({ code })
    expect(session.bans).toEqual([])
    await network.run({ until: session.close() })
  })
})
