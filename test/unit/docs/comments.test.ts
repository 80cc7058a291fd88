import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { danglingNames } from '../../support/doc-names.js'
import { filesBelow, ROOT } from '../../support/tree.js'

function namesMissing(text: string): string[] {
  return danglingNames(new Map([['src/a.ts', text]])).map(({ name }) => name)
}

describe('names in comments', () => {
  it('resolve to something in the source', () => {
    const files = filesBelow('src').filter((path) => path.endsWith('.ts'))
    expect(files.length).toBeGreaterThan(200)
    const missing = danglingNames(
      new Map(files.map((path) => [path, readFileSync(`${ROOT}/${path}`, 'utf8')])),
    )
    expect(missing.map(({ file, line, name }) => `${file}:${line} ${name}`)).toEqual([])
  })

  it('are found in links, in backticks and as files', () => {
    expect(namesMissing('/** See {@link Gone}. */\nexport const a = 1')).toEqual(['Gone'])
    expect(namesMissing('/** See {@link Apple.gone}. */\nexport class Apple { here = 1 }')).toEqual([
      'Apple.gone',
    ])
    expect(namesMissing('/** As `Gone` does. */\nexport const a = 1')).toEqual(['Gone'])
    expect(namesMissing('export class Apple {\n  /** As `Apple.gone`. */\n  here = 1\n}')).toEqual([
      'Apple.gone',
    ])
    expect(namesMissing('/** As `apple.gone()` does. */\nexport const apple = 1')).toEqual(['gone'])
    expect(namesMissing('// as in gone.ts\nexport const a = 1')).toEqual(['gone.ts'])
    expect(namesMissing('export function f() {\n  // `Gone` first.\n  return 1\n}')).toEqual(['Gone'])
  })

  it('may be inherited, global or members of types', () => {
    const text = `
      /** {@link B.here}, {@link C.there}, {@link Apple.#own}, \`Promise\`, \`Apple.here\`, a.ts, {@link a}. */
      export class Apple { here = 1; #own = 2 }
      export class B extends Apple {}
      export type C = { readonly there: number }
      export const a = 'not a comment: {@link Gone}'`
    expect(namesMissing(text)).toEqual([])
  })
})
