import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const root = new URL('../../../', import.meta.url)
const read = (path: string) => readFileSync(new URL(path, root), 'utf8')

const LIST = 'src/util/error-codes.ts'
const CODE = /'([a-z]+\/[a-z0-9]+(?:-[a-z0-9]+)*)'/g

const listed = new Set([...read(LIST).matchAll(CODE)].map(([, code]) => code as string))
const layers = new Set([...listed].map((code) => code.split('/')[0] as string))

/** Every literal in the source that looks like a code of ours, with the file that has it first. */
function inSource(): Map<string, string> {
  const found = new Map<string, string>()
  for (const file of sources()) {
    for (const [, code] of read(file).matchAll(CODE)) {
      if (code !== undefined && layers.has(code.split('/')[0] as string) && !found.has(code))
        found.set(code, file)
    }
  }
  // Modules of Node.
  found.delete('dns/promises')
  return found
}

function sources(): string[] {
  return readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
    .map((file) => `src/${file.replaceAll('\\', '/')}`)
    .filter((file) => file.endsWith('.ts') && file !== LIST)
}

describe('error codes', () => {
  it('are listed, whatever the source says', () => {
    for (const [code, file] of inSource()) expect(listed, `${code} of ${file}, in ${LIST}`).toContain(code)
  })

  it('exist in the source, whatever the list says', () => {
    const found = inSource()
    for (const code of listed) expect(found.has(code), `${code} of ${LIST}, in src`).toBe(true)
  })

  it('are on their page, each with its meaning, and no others', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| `([a-z]+\/[a-z0-9-]+)` \| (.*?) \| /gm)]
    const documented = rows.map(([, code]) => code)
    expect(documented.toSorted()).toEqual([...listed].toSorted())
    for (const [, code, meaning] of rows) expect(meaning, code).toMatch(/\.$/)
  })

  it('are written out: none is put together from parts', () => {
    const parts = new RegExp(`\`(${[...layers].join('|')})/\\$\\{`)
    for (const file of sources()) {
      const line = read(file)
        .split('\n')
        .find((text) => parts.test(text) && /Error\(|code|close\(|end\(/.test(text))
      expect(line, file).toBeUndefined()
    }
  })
})
