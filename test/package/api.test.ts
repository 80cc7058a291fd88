import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { type EntryApi, publicApi } from './api.js'
import { root } from './consumer.js'

/** File below `dist` and `docs/api`, without its ending, of each entry of the package. */
const ENTRIES = Object.values(manifest().exports)
  .flatMap((target) => (typeof target === 'string' ? [] : [target.import.types]))
  .map((types) => types.slice('./dist/'.length, -'.d.ts'.length))

/** Machinery that users never meet, each once found in the declarations of `rarest`. */
const INTERNAL = [
  'Content',
  'Link',
  'Peering',
  'PeerConnection',
  'Picker',
  'Scheduler',
  'SessionTorrent',
  'SocketPair',
  'Store',
  'Swarm',
  'TorrentServices',
  'UtpStream',
]

let api: Map<string, EntryApi>

beforeAll(() => {
  if (!existsSync(join(root, 'dist/index.d.ts')))
    throw new Error('the package tests need a build: npm run build')
  api = publicApi(Object.fromEntries(ENTRIES.map((entry) => [entry, join(root, 'dist', `${entry}.d.ts`)])))
}, 240_000)

describe('the public declarations', () => {
  it('have a snapshot for each entry, and no other', () => {
    const files = readdirSync(join(root, 'docs/api'), { recursive: true, encoding: 'utf8' })
    const names = files.filter((file) => file.endsWith('.d.ts')).map((file) => file.slice(0, -'.d.ts'.length))
    expect(names.map((name) => name.replaceAll('\\', '/')).sort()).toEqual([...ENTRIES].sort())
  })

  it.each(ENTRIES)('of %s are those of docs/api: npm run api writes them', async (entry) => {
    await expect(api.get(entry)?.text).toMatchFileSnapshot(join(root, 'docs/api', `${entry}.d.ts`))
  })

  it.each(ENTRIES)('of %s name no type that it does not export', (entry) => {
    expect(api.get(entry)?.unnamed).toEqual([])
  })

  it('of rarest hold nothing of what runs behind it', () => {
    const text = readFileSync(join(root, 'dist/index.d.ts'), 'utf8')
    expect(text.match(new RegExp(`\\b(class|interface|type) (${INTERNAL.join('|')})\\b`, 'g')) ?? []).toEqual(
      [],
    )
  })
})

function manifest(): {
  readonly exports: Record<string, string | { readonly import: { readonly types: string } }>
} {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as never
}
