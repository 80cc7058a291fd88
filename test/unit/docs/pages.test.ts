import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import cruiser from '../../../.dependency-cruiser.mjs'
import { type Layer, layerProblems, layersOf, rulesOf } from '../../support/layer-line.js'
import { missingPaths } from '../../support/page-paths.js'
import { filesBelow, ROOT } from '../../support/tree.js'

const pages = ['CONTRIBUTING.md', 'README.md', ...filesBelow('docs').filter((path) => path.endsWith('.md'))]
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
const tree = ['src', 'test', 'bench', 'scripts', 'docs', 'examples'].flatMap(filesBelow)

describe('a page', () => {
  it.each(pages)('%s names only files that exist', (page) => {
    expect(missingPaths(read(page), tree)).toEqual([])
  })

  it.each(pages)('%s links only to files that exist', (page) => {
    const links = [...read(page).matchAll(/\]\(([^)#:\s]+)(?:#[^)]*)?\)/g)].map((match) => match[1] as string)
    expect(links.filter((link) => !existsSync(join(ROOT, dirname(page), link)))).toEqual([])
  })

  it('with a path that is gone is found', () => {
    const known = [
      'src/dht/node.ts',
      'src/utp/packet.ts',
      'test/unit/dht/node.test.ts',
      'test/sim/utp.test.ts',
    ]
    const text = `\`src/dht/node.ts\`, \`dht/{node,gone}.ts\`, \`node.ts\`, \`lost.ts\`, \`src/utp\`, \`src/gone/\`,
      \`dht/\`, \`unit/dht\`, \`sim/utp*\`, \`sim/none*\`, \`dht/not-a-path\`, \`unit/dht/node\`, \`unit/dht/none\``
    expect(missingPaths(text, known)).toEqual([
      'dht/gone.ts',
      'lost.ts',
      'src/gone/',
      'sim/none*',
      'unit/dht/none',
    ])
  })
})

describe('the line of layers', () => {
  const rules = rulesOf(cruiser.forbidden)
  const exists = (layer: string): boolean =>
    tree.some((path) => path.startsWith(`src/${layer}/`) || path === `src/${layer}.ts`)

  it.each(['docs/architecture.md', 'CONTRIBUTING.md'])('of %s says what the import rules say', (page) => {
    expect(layerProblems(layersOf(read(page)), rules, exists)).toEqual([])
  })

  it('that says something else is found', () => {
    const three: readonly Layer[] = layersOf('a, b <- { c d } <- e')
    expect(three).toEqual([
      { name: 'a', below: [] },
      { name: 'b', below: ['a'] },
      { name: 'c', below: ['a', 'b'] },
      { name: 'd', below: ['a', 'b'] },
      { name: 'e', below: ['a', 'b', 'c', 'd'] },
    ])
    const rule = (name: string, ...below: string[]) => ({ name, below })
    const right = [rule('a'), rule('b', 'a'), rule('c', 'a', 'b'), rule('d', 'a', 'b'), rule('x', 'a')]
    expect(layerProblems(three, right, (name) => name !== 'x')).toEqual(['e has no rule'])
    expect(layerProblems(three.slice(0, 3), [rule('a'), rule('b', 'a'), rule('c', 'b')], () => true)).toEqual(
      ['c may import a, b by the page, b by the rules'],
    )
    expect(layerProblems([], [rule('a')], () => true)).toEqual(['a is not on the page'])
  })
})
