import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { pages } from '../../../scripts/settings-pages.js'
import { DEFAULT_SETTINGS, LiveSettings } from '../../../src/session/settings.js'
import type { Setting } from '../../../src/session/settings-table.js'
import { GROUPS, SETTINGS } from '../../../src/session/settings-table.js'
import { VirtualNetwork } from '../../../src/testing/index.js'

const resolve = (options: unknown) => new LiveSettings(options as object).snapshot

const rows = (Object.keys(GROUPS) as (keyof typeof SETTINGS)[]).flatMap((group) =>
  Object.entries(SETTINGS[group]).map(([name, setting]) => ({
    group,
    name,
    path: `${group}.${name}`,
    setting: setting as Setting<unknown>,
  })),
)
const numbers = rows.filter(({ setting }) => setting.kind.type === 'number')
const grouped = (group: string, name: string, value: unknown) => ({ [group]: { [name]: value } })

/** What calling throws. */
function thrown(call: () => unknown): unknown {
  try {
    call()
  } catch (error) {
    return error
  }
  return undefined
}

describe('the table of settings', () => {
  it('is what the types and docs/settings.md were written from: npm run settings', () => {
    for (const [path, text] of Object.entries(pages()))
      expect(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'), path).toBe(text)
  })

  it('has a reason for every default, and every default is of its kind', () => {
    for (const { path, setting } of rows) {
      expect(setting.reason.length, path).toBeGreaterThan(5)
      if (setting.default !== undefined)
        expect(setting.kind.check(setting.default, path), path).toEqual(setting.default)
    }
  })
})

describe('LiveSettings', () => {
  it('fills in the defaults, frozen', () => {
    const settings = resolve({})
    expect(settings).toEqual(DEFAULT_SETTINGS)
    expect(Object.isFrozen(settings)).toBe(true)
    for (const group of Object.values(settings)) expect(Object.isFrozen(group)).toBe(true)
  })

  it('takes settings in groups, and by short names where there are some', () => {
    expect(resolve({ port: 6881 }).transport.port).toBe(6881)
    expect(resolve({ transport: { port: 6881 } }).transport.port).toBe(6881)
    expect(resolve({ port: 6881, transport: { port: 6881 } }).transport.port).toBe(6881)
    const factory = () => ({}) as never
    expect(resolve({ storage: factory }).storage.factory).toBe(factory)
    expect(resolve({ storage: { factory } }).storage.factory).toBe(factory)
    expect(
      resolve({
        encryption: 'required',
        transport: { encryption: { incoming: 'required', outgoing: 'required' } },
      }).transport.encryption.incoming,
    ).toBe('required')
    expect(resolve({ path: undefined, limits: undefined, client: { name: undefined } })).toEqual(
      DEFAULT_SETTINGS,
    )
    expect(thrown(() => resolve({ port: 6881, transport: { port: 6882 } }))).toMatchObject({
      name: 'RangeError',
      code: 'options/conflict',
      message: 'port and transport.port are one setting, and were given different values',
    })
  })

  it('keeps the DHT off where it cannot or should not be', () => {
    const { world } = new VirtualNetwork({ seed: 1 }).host()
    const dht = (options: object) => resolve(options).discovery.dht
    expect(dht({ dht: false })).toBe(false)
    for (const host of ['127.0.0.1', '::1', 'localhost']) expect(dht({ host })).toBe(false)
    expect(dht({ world })).toBe(false)
    expect(dht({ world, dht: true })).toEqual({})
    expect(dht({ host: '127.0.0.1', dht: { bootstrap: [] } })).toEqual({ bootstrap: [] })
    expect(thrown(() => dht({ dht: 1 }))).toBeInstanceOf(TypeError)
    expect(thrown(() => dht({ dht: { bootstrap: ['nowhere'] } }))).toBeInstanceOf(RangeError)
    expect(thrown(() => dht({ dht: { state: 'x' } }))).toBeInstanceOf(TypeError)
  })

  it.each(numbers)('refuses numbers out of the range of $path', ({ group, name, path, setting }) => {
    const isBelow = (value: number) => thrown(() => setting.kind.check(value, path)) !== undefined
    for (const value of [-1, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1.5, 2 ** 60]) {
      const error = thrown(() => resolve(grouped(group, name, value)))
      expect(error, String(value)).toMatchObject({ name: 'RangeError', code: 'options/out-of-range' })
      expect(String(error)).toMatch(
        new RegExp(`^RangeError: ${path} must be an integer .*\\d.*, got ${value}$`),
      )
    }
    const zero = thrown(() => resolve(grouped(group, name, 0)))
    if (isBelow(0)) expect(zero).toMatchObject({ name: 'RangeError', code: 'options/out-of-range' })
    else expect(zero).toBeUndefined()
    expect(thrown(() => resolve(grouped(group, name, '1')))).toMatchObject({
      name: 'TypeError',
      code: 'options/wrong-type',
      message: `${path} must be a number, got string`,
    })
  })

  it.each(rows)('refuses a value of the wrong type for $path', ({ group, name, path }) => {
    for (const value of [null, Symbol.iterator, 5n]) {
      const error = thrown(() => resolve(grouped(group, name, value)))
      expect(error).toMatchObject({ name: 'TypeError', code: 'options/wrong-type' })
      expect(String(error)).toContain(`${path} must be`)
    }
  })

  it.each([
    [{ dth: false }, 'there is no option dth: did you mean dht?'],
    [{ pathh: 'x' }, 'there is no option pathh: did you mean path?'],
    [{ maxConnections: 5 }, 'there is no option maxConnections: did you mean limits.connections?'],
    [{ uploadSlots: 5 }, 'there is no option uploadSlots: did you mean limits.uploadSlotsPerTorrent?'],
    [{ maxUploadSlots: 5 }, 'there is no option maxUploadSlots: did you mean limits.uploadSlots?'],
    [{ clientName: 'x' }, 'there is no option clientName: did you mean client.name?'],
    [{ metadataCache: 'x' }, 'there is no option metadataCache: did you mean storage.metadataCache?'],
    [{ pex: false }, 'there is no option pex: did you mean discovery.pex?'],
    [{ limit: {} }, 'there is no option limit: did you mean limits?'],
    [{ limits: { conections: 5 } }, 'there is no option limits.conections: did you mean limits.connections?'],
    [{ limits: { port: 5 } }, 'there is no option limits.port: did you mean port?'],
    [{ transport: { constructor: 5 } }, 'there is no option transport.constructor'],
    [JSON.parse('{"__proto__": 5}'), 'there is no option __proto__'],
    [{ whatever: undefined }, 'there is no option whatever'],
    [{ dht: { maxItem: 5 } }, 'there is no option dht.maxItem: did you mean dht.maxItems?'],
    [{ encryption: { in: 'required' } }, 'there is no option encryption.in'],
  ])('refuses %j', (options, message) => {
    expect(thrown(() => resolve(options))).toMatchObject({
      name: 'TypeError',
      code: 'options/unknown-option',
      message,
    })
  })

  it('refuses what is no object of options', () => {
    for (const options of [
      null,
      [],
      'downloads',
      5,
      { limits: null },
      { limits: 5 },
      { storage: 5 },
      { world: 5 },
    ])
      expect(thrown(() => resolve(options))).toMatchObject({ name: 'TypeError', code: 'options/wrong-type' })
    expect(thrown(() => resolve({ tcp: false, utp: false }))).toMatchObject({
      name: 'RangeError',
      code: 'options/conflict',
    })
  })

  it('changes what may change, all of it or nothing', () => {
    const settings = new LiveSettings({ port: 6881 })
    const before = settings.snapshot
    settings.change({ limits: { connections: 5 }, path: 'elsewhere' })
    expect(settings.limits.connections).toBe(5)
    expect(settings.limits.halfOpen).toBe(25)
    expect(settings.storage.path).toBe('elsewhere')
    expect(before.limits.connections).toBe(500)
    const after = settings.snapshot
    for (const change of [
      { limits: { connections: 7, halfOpen: 0 } },
      { limits: { connections: 7 }, port: 1 },
      { limits: { connections: 7 }, nothing: 1 },
      { limits: { connections: 7 }, path: 5 },
    ]) {
      expect(thrown(() => settings.change(change as object))).toBeInstanceOf(Error)
      expect(settings.snapshot).toBe(after)
    }
    settings.change(settings.snapshot)
    expect(settings.snapshot).toEqual(after)
  })

  it.each(rows.filter(({ setting }) => setting.takes === 'never'))(
    'refuses to change $path',
    ({ path, group, name }) => {
      const others: Record<string, unknown> = {
        host: '::',
        port: 5,
        listen: false,
        tcp: false,
        utp: false,
        dht: false,
      }
      const settings = new LiveSettings({})
      expect(thrown(() => settings.change(grouped(group, name, others[name])))).toMatchObject({
        code: 'session/fixed-setting',
        message: `${path} is fixed when a session is made: it cannot be changed while one runs`,
      })
    },
  )
})
