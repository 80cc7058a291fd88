/**
 * What is written from the table of settings: the types of options and settings, and docs/settings.md.
 * @module
 */

import { GROUPS, SETTINGS, type Setting } from '../src/session/settings-table.js'

type Row = Setting<unknown>
type Group = keyof typeof SETTINGS

const groups = Object.keys(GROUPS) as Group[]

/** Text of each file that comes from the table, by its path in the project. */
export function pages(): Record<string, string> {
  return { 'src/session/settings-types.ts': types(), 'docs/settings.md': page() }
}

function types(): string {
  const options = groups.map((group) =>
    [
      comment([`The options of the group \`${group}\`. ${GROUPS[group]}`]),
      `export interface ${optionsName(group)} {`,
      ...rows(group).flatMap(([name, row]) => [comment(sentences(row), '  '), member(name, row)]),
      '}\n',
    ].join('\n'),
  )
  const shorthands = groups.flatMap((group) =>
    rows(group)
      .filter(([, row]) => row.shorthand)
      .flatMap(([name, row]) => [
        comment([`\`${group}.${name}\`. ${row.about} Default ${defaultWords(row)}.`], '  '),
        member(name, row),
      ]),
  )
  return `/**
 * The options and the settings of a session. Written by \`npm run settings\` from settings-table.ts: change that,
 * not this.
 * @module
 */

import type { SeedChoking } from '../choker/choker.js'
import type { DhtOptions } from '../net/dht/options.js'
import type { Encryption, EncryptionOptions, EncryptionPolicy } from '../net/peer/encryption.js'
import type { World } from '../net/world.js'
import type { StorageBackend } from '../storage/backend/backend.js'

/** What a storage factory knows of a torrent. */
export interface StorageTarget {
  /** Torrent name, safe as a file name. */
  readonly name: string
  /** 40 hex digits. */
  readonly infoHash: string
  /** The folder that the session or the torrent was given. */
  readonly path: string
}

/** Makes the storage of a torrent, once its name is known. */
export type StorageFactory = (torrent: StorageTarget) => StorageBackend

${options.join('\n')}
/**
 * What a \`Session\` can be told: settings in their groups, or at the top level what nearly every program sets. One
 * setting under both names with different values is a RangeError, a name that does not exist a TypeError.
 */
export interface SessionOptions {
${shorthands.join('\n')}
${groups
  .filter((group) => group !== 'storage')
  .map((group) => `${comment([GROUPS[group]], '  ')}\n  readonly ${group}?: ${optionsName(group)}`)
  .join('\n')}
${comment([GROUPS.storage, 'A function is `storage.factory`.'], '  ')}
  readonly storage?: ${optionsName('storage')} | StorageFactory
  /** Clocks, sockets and names. Default: this machine's. \`rarest/testing\` makes virtual ones. Fixed while a session runs. */
  readonly world?: World
}

/** What \`Session.configure\` takes: the same names; those of settings that are fixed only with the value they have. */
export type SettingsChange = SessionOptions

/** All settings of a session with their values, see \`Session.settings\`. */
export interface Settings {
${groups.map(resolved).join('\n')}
}
`
}

function page(): string {
  const sections = groups.map((group) =>
    [
      `## \`${group}\`\n`,
      `${GROUPS[group]}\n`,
      '| name | takes | default | changes |',
      '|---|---|---|---|',
      ...rows(group).map(([name, row]) => {
        const short = row.shorthand ? ' (also at the top level)' : ''
        const kind = row.kind.words.replaceAll('|', '\\|')
        const unit = row.unit === undefined ? '' : ` ${row.unit}`
        return `| \`${name}\`${short} | ${kind}${unit} | ${defaultWords(row)} | ${row.takes} |`
      }),
      '',
      ...rows(group).map(([name, row]) => `- \`${name}\`: ${row.about} Why this default: ${row.reason}.`),
      '',
    ].join('\n'),
  )
  return `<!-- Written by \`npm run settings\` from src/session/settings-table.ts: change that, not this. -->

# Settings

A session takes its settings in groups:

\`\`\`js
import { Session } from 'rarest'

const session = new Session({
  path: 'downloads',
  limits: { connections: 200, uploadSlots: 16 },
  discovery: { pex: false },
})
\`\`\`

What nearly every program sets may stand at the top level instead of in its group: ${shorthandList()}, and
\`storage\` when it is a function, which is \`storage.factory\`. One setting under both names with different values is a
RangeError with the code \`options/conflict\`. \`world\` (clocks, sockets, names) is no setting and stands at the top level.

A name that does not exist is a TypeError (\`options/unknown-option\`) that tells the name which may be meant, a value of
the wrong type one with the code \`options/wrong-type\`, a value out of its range a RangeError (\`options/out-of-range\`).

Most settings change while the session runs:

\`\`\`js
session.configure({ limits: { connections: 100 } })
console.log(session.settings.limits.connections) // 100
\`\`\`

\`configure\` changes what it is given and leaves the rest; when it throws, nothing is changed. A setting that is fixed
may only be given the value it has, otherwise the error has the code \`session/fixed-setting\`. \`session.settings\` holds
all values as they are now, frozen. Each \`changes\` column says when a new value takes effect.

${sections.join('\n')}`
}

function rows(group: Group): [string, Row][] {
  return Object.entries(SETTINGS[group]) as [string, Row][]
}

/** \`LimitOptions\` of \`limits\`. */
function optionsName(group: Group): string {
  const singular = group === 'limits' ? 'limit' : group
  return `${singular[0]?.toUpperCase()}${singular.slice(1)}Options`
}

/** What a snapshot holds may be given back as it is. */
function member(name: string, row: Row): string {
  const orUndefined = row.resolved?.endsWith('| undefined') ? ' | undefined' : ''
  return `  readonly ${name}?: ${row.kind.type}${orUndefined}`
}

function resolved(group: Group): string {
  const own = rows(group).filter(([, row]) => row.resolved !== undefined)
  const name = optionsName(group)
  if (own.length === 0) return `  readonly ${group}: Required<${name}>`
  const names = own.map(([member]) => `'${member}'`).join(' | ')
  const members = own.map(([member, row]) => `    readonly ${member}: ${row.resolved}`)
  return `  readonly ${group}: Required<Omit<${name}, ${names}>> & {\n${members.join('\n')}\n  }`
}

function sentences(row: Row): string[] {
  const unit = row.unit === undefined ? '' : ` ${row.unit}`
  const range = row.kind.type === 'number' ? [`${capital(row.kind.words)}${unit}.`] : []
  const change = row.takes === 'never' ? 'Fixed while a session runs.' : `Changes ${row.takes}.`
  return [row.about, ...range, `Default ${defaultWords(row)}: ${row.reason}.`, change]
}

function defaultWords(row: Row): string {
  if (row.defaultWords !== undefined) return row.defaultWords
  const { default: value } = row
  if (typeof value === 'string') return `\`'${value}'\``
  if (typeof value !== 'number') return `\`${String(value)}\``
  if (row.unit === 'bytes' && value >= 1_048_576) return `${value / 1_048_576} MiB`
  return value.toLocaleString('en-US')
}

function shorthandList(): string {
  const names = groups.flatMap((group) =>
    rows(group).flatMap(([name, row]) => (row.shorthand ? [`\`${name}\``] : [])),
  )
  return names.join(', ')
}

function capital(text: string): string {
  return `${text[0]?.toUpperCase()}${text.slice(1)}`
}

/** A comment of at most 110 characters a line. */
function comment(parts: readonly string[], indent = ''): string {
  const lines: string[] = []
  let line = ''
  for (const word of parts.join(' ').split(' ')) {
    if (line !== '' && indent.length + 3 + line.length + 1 + word.length > 110) {
      lines.push(line)
      line = ''
    }
    line += line === '' ? word : ` ${word}`
  }
  lines.push(line)
  if (lines.length === 1 && indent.length + line.length + 7 <= 110) return `${indent}/** ${line} */`
  return [`${indent}/**`, ...lines.map((each) => `${indent} * ${each}`), `${indent} */`].join('\n')
}
