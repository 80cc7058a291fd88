/**
 * The settings of a session as they are now: read from options, checked, changed while it runs.
 * @module
 */

import { isDeepStrictEqual } from 'node:util'
import type { World } from '../net/world.js'
import { RarestError } from '../util/errors.js'
import { conflict, entriesOf, nearest, object, unknownOption, wrongType } from '../util/options.js'
import { GROUPS, SETTINGS, type Setting } from './settings-table.js'
import type { SessionOptions, Settings, SettingsChange } from './settings-types.js'

type AnySetting = Setting<unknown>
type Group = keyof Settings

const GROUP_NAMES = Object.keys(GROUPS) as readonly Group[]

/** The settings of a session that says nothing. */
export const DEFAULT_SETTINGS: Settings = build(new Map(), (setting) => setting.default)

/** All settings of a session. The groups are frozen; a change puts new ones in their place. */
export class LiveSettings implements Settings {
  /** What {@link SessionOptions.world} was. */
  readonly world: World | undefined
  #current: Settings

  /** Throws TypeError or RangeError that names the option. */
  constructor(options: SessionOptions) {
    const { given, world } = read(options)
    this.world = world
    const hosts = given.get('transport.host')?.value
    const current = build(given, (setting) => setting.default)
    const isOutside = world === undefined && !isLoopback(hosts)
    this.#current =
      given.has('discovery.dht') || isOutside
        ? current
        : Object.freeze({
            ...current,
            discovery: Object.freeze({ ...current.discovery, dht: false as const }),
          })
  }

  get limits(): Settings['limits'] {
    return this.#current.limits
  }

  get transport(): Settings['transport'] {
    return this.#current.transport
  }

  get discovery(): Settings['discovery'] {
    return this.#current.discovery
  }

  get storage(): Settings['storage'] {
    return this.#current.storage
  }

  get client(): Settings['client'] {
    return this.#current.client
  }

  /** All values now: frozen, and not changed by later changes. */
  get snapshot(): Settings {
    return this.#current
  }

  /** See `Session.configure`: all of it, or nothing when it throws. */
  change(options: SettingsChange): void {
    const { given, world } = read(options)
    if (world !== undefined && world !== this.world) throw fixed('world')
    for (const [path, { value, as }] of given) {
      const [group, name] = split(path)
      const now = valuesOf(this.#current[group])[name]
      if (settingAt(group, name)?.takes === 'never' && !isDeepStrictEqual(value, now)) throw fixed(as)
    }
    const before = this.#current
    this.#current = build(given, (_, group, name) => valuesOf(before[group])[name])
  }
}

/** A value that was given, checked. `as`: the name by which it was. */
interface Given {
  readonly value: unknown
  readonly as: string
}

/** Every setting with its path, `limits.connections`. */
function* rows(): Generator<{ readonly group: Group; readonly name: string; readonly setting: AnySetting }> {
  for (const group of GROUP_NAMES)
    for (const [name, setting] of Object.entries(SETTINGS[group])) yield { group, name, setting }
}

/** Top-level names with the path that each is short for. A factory comes as `storage`, which is a group as well. */
const SHORTHANDS: ReadonlyMap<string, string> = new Map(
  [...rows()].flatMap(({ group, name, setting }) => (setting.shorthand ? [[name, `${group}.${name}`]] : [])),
)

/** Takes options apart: what was given, by path. */
function read(options: SessionOptions): { given: Map<string, Given>; world: World | undefined } {
  const given = new Map<string, Given>()
  let world: World | undefined
  const put = (path: string, as: string, value: unknown) => {
    if (value === undefined) return
    const [group, name] = split(path)
    const checked = settingAt(group, name)?.kind.check(value, as)
    const other = given.get(path)
    if (other && !isDeepStrictEqual(other.value, checked))
      throw conflict(`${other.as} and ${as} are one setting, and were given different values`)
    given.set(path, { value: checked, as })
  }
  for (const [key, value] of entriesOf(options, 'options')) {
    const short = SHORTHANDS.get(key)
    if (short !== undefined) put(short, key, value)
    else if (key === 'world') world = value === undefined ? undefined : (object.check(value, key) as World)
    else if (key === 'storage' && typeof value === 'function') put('storage.factory', key, value)
    else if (!isGroup(key)) throw unknownOption(key, meant(key))
    else if (value !== undefined) {
      if (key === 'storage' && (typeof value !== 'object' || value === null))
        throw wrongType(key, 'a function or an object', value)
      for (const [name, member] of entriesOf(value, key)) {
        if (!settingAt(key, name)) throw unknownOption(`${key}.${name}`, meant(name, key))
        put(`${key}.${name}`, `${key}.${name}`, member)
      }
    }
  }
  return { given, world }
}

/** All values: those that were given, and the others. */
function build(
  given: ReadonlyMap<string, Given>,
  otherwise: (setting: AnySetting, group: Group, name: string) => unknown,
): Settings {
  const groups: Record<string, Record<string, unknown>> = {}
  for (const { group, name, setting } of rows()) {
    const { value } = given.get(`${group}.${name}`) ?? { value: otherwise(setting, group, name) }
    groups[group] ??= {}
    groups[group][name] = value
  }
  for (const group of Object.values(groups)) Object.freeze(group)
  const settings = Object.freeze(groups) as unknown as Settings
  const { tcp, utp } = settings.transport
  if (!tcp && !utp) throw conflict('tcp and utp must not both be false')
  return settings
}

/** The option that a name which does not exist may mean. */
function meant(name: string, within?: Group): string | undefined {
  const paths = new Map<string, string>()
  for (const { group, name: own, setting } of rows()) {
    const path = setting.shorthand ? own : `${group}.${own}`
    if (setting.formerly === name) return path
    paths.set(own, path)
  }
  const elsewhere = paths.get(name)
  if (elsewhere !== undefined) return elsewhere
  if (within === undefined) {
    const top = nearest(name, [...SHORTHANDS.keys(), ...GROUP_NAMES, 'world'])
    if (top !== undefined) return top
  } else {
    const near = nearest(name, Object.keys(SETTINGS[within]))
    if (near !== undefined) return `${within}.${near}`
  }
  const near = nearest(name, paths.keys())
  return near === undefined ? undefined : paths.get(near)
}

function fixed(name: string): RarestError {
  return new RarestError(
    'session/fixed-setting',
    `${name} is fixed when a session is made: it cannot be changed while one runs`,
  )
}

function settingAt(group: Group, name: string): AnySetting | undefined {
  const settings: object = SETTINGS[group]
  return Object.hasOwn(settings, name) ? (settings as Record<string, AnySetting>)[name] : undefined
}

function valuesOf(group: object): Readonly<Record<string, unknown>> {
  return group as Readonly<Record<string, unknown>>
}

function split(path: string): [Group, string] {
  const dot = path.indexOf('.')
  return [path.slice(0, dot) as Group, path.slice(dot + 1)]
}

function isGroup(name: string): name is Group {
  return Object.hasOwn(GROUPS, name)
}

function isLoopback(host: unknown): boolean {
  return typeof host === 'string' && /^(127\.|::1$|localhost$)/i.test(host)
}
