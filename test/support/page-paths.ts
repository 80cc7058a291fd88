/**
 * Paths that a page names.
 * @module
 */

const FOLDERS = 'unit|property|sim|integration|interop|vectors|package|support'
/** Beginnings that make a word in backticks a path, whatever it ends with. */
const ROOTED = new RegExp(`^(?:src|test|bench|scripts|docs|examples|${FOLDERS})/`)
const FILE = /^[\w.{},*/-]+\.(?:ts|mjs|md|svg)$/

/** The paths in backticks that are not in the tree: from the root, from `src` or from `test`, or a name alone. */
export function missingPaths(text: string, tree: readonly string[]): string[] {
  const words = [...text.matchAll(/`([^`\s]+)`/g)].map((match) => match[1] as string)
  return words
    .filter((word) => (ROOTED.test(word) || FILE.test(word)) && !/[<>[\]$'"]/.test(word))
    .flatMap(alternatives)
    .filter((word) => !isThere(word, tree))
}

/** `a/{b,c}.ts` -> `a/b.ts`, `a/c.ts`. */
function alternatives(word: string): string[] {
  const match = /^(.*?)\{([^}]*)\}(.*)$/.exec(word)
  if (!match) return [word]
  const [, before = '', list = '', after = ''] = match
  return list.split(',').flatMap((each) => alternatives(before + each + after))
}

/** A file, with or without its ending, or a folder with files in it; `*` stands for part of a name. */
function isThere(word: string, tree: readonly string[]): boolean {
  const escaped = word.replace(/[.+^$()|]/g, '\\$&').replace(/\*/g, '[^/]*')
  const name = word.endsWith('/') ? escaped : `${escaped}(?:/|(?:\\.test)?\\.(?:ts|mjs|svg)$|$)`
  const pattern = new RegExp(word.includes('/') ? `^(?:src/|test/|)${name}` : `(?:^|/)${name}`)
  return tree.some((path) => pattern.test(path)) || ELSEWHERE.test(word)
}

/** Pages of other programs, made files, and files that a user has. */
const ELSEWHERE =
  /^(?:dist|docs\/api)\/|^bench\/results\/|^(?:README|CHANGELOG|CONTRIBUTING|SECURITY)\.md$|^\.dependency-cruiser\.mjs$/
