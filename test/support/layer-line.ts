/**
 * The line of layers, `util, hash <- bencode <- ... <- cli`, and the import rules that it repeats.
 * @module
 */

/** A layer and those that it may import. */
export interface Layer {
  readonly name: string
  readonly below: readonly string[]
}

/**
 * The layers of the line in a page, lowest first. Each may import all on its left; of two with a comma the second
 * may import the first, those in braces none of each other. Empty when the page has no such line.
 */
export function layersOf(page: string): Layer[] {
  const line = /[\w, ]+(?: <- (?:\{[\w ]+\}|\w+))+/.exec(page)?.[0] ?? ''
  const layers: Layer[] = []
  for (const floor of line === '' ? [] : line.split(' <- ')) {
    const below = layers.map(({ name }) => name)
    const names = floor.match(/\w+/g) ?? []
    for (const [i, name] of names.entries())
      layers.push({ name, below: floor.includes('{') ? below : [...below, ...names.slice(0, i)] })
  }
  return layers
}

/** The rules of dependency-cruiser that are about one layer of `src` each. */
export function rulesOf(forbidden: readonly object[]): Layer[] {
  return forbidden.flatMap((rule) => {
    const { name, from, to } = rule as {
      readonly name: string
      readonly from: { readonly path: string }
      readonly to: { readonly path: string; readonly pathNot?: string }
    }
    const layer = /^layer-(\w+)$/.exec(name)?.[1]
    if (layer === undefined || from.path !== `^src/${layer}/` || to.path !== '^src/') return []
    const allowed = /^\^src\/\(([\w|]+)\)\(\/\|\$\)$/.exec(to.pathNot ?? '')?.[1]
    return allowed === undefined
      ? []
      : [{ name: layer, below: allowed.split('|').filter((each) => each !== layer) }]
  })
}

/** What a page and the rules do not agree on. Tools at the top, which have the public API alone, need no rule of layers. */
export function layerProblems(
  page: readonly Layer[],
  rules: readonly Layer[],
  exists: (layer: string) => boolean,
): string[] {
  const problems: string[] = []
  for (const { name, below } of page) {
    const rule = rules.find((each) => each.name === name)
    if (name === 'cli') continue
    if (rule === undefined) problems.push(`${name} has no rule`)
    else {
      const byPage = [...below].sort().join(', ')
      const byRules = rule.below.filter(exists).sort().join(', ')
      if (byPage !== byRules)
        problems.push(`${name} may import ${byPage} by the page, ${byRules} by the rules`)
    }
  }
  for (const { name } of rules)
    if (exists(name) && !page.some((layer) => layer.name === name))
      problems.push(`${name} is not on the page`)
  return problems
}
