/**
 * Names in comments that nothing in the source has any more: `{@link X}`, `X` and `X.y` in backticks where X looks
 * like a type, `f()` in backticks, and names of files.
 * @module
 */

import ts from 'typescript'

/** A name in a comment that resolves to nothing. */
export interface DanglingName {
  readonly file: string
  /** From 1. */
  readonly line: number
  readonly name: string
}

/** What the source declares: top-level and member names, and the members of each type, class or object. */
interface Declared {
  readonly names: Set<string>
  readonly members: Map<string, Set<string>>
  readonly parents: Map<string, Set<string>>
}

/** @param files text by path; names are looked for in the comments of all and resolved against all */
export function danglingNames(files: ReadonlyMap<string, string>): DanglingName[] {
  const sources = [...files].map(([path, text]) =>
    ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
  )
  const declared: Declared = { names: new Set(), members: new Map(), parents: new Map() }
  for (const source of sources) declare(source, declared)
  const paths = [...files.keys()]
  const found: DanglingName[] = []
  for (const source of sources) {
    for (const { at, name } of namesIn(source.text)) {
      if (resolves(name, declared, paths)) continue
      found.push({ file: source.fileName, line: source.getLineAndCharacterOfPosition(at).line + 1, name })
    }
  }
  return found
}

/** Doc comments, and what follows `//`. */
const COMMENT = /\/\*\*[\s\S]*?\*\/|(?<=^|\s)\/\/ .*/gm
const LINK = /\{@link ([^}\s|]+)[^}]*\}/g
const TYPE = /`([A-Z][a-z]\w*(?:\.#?\w+)?)(?:\(\))?`/g
const CALL = /`(?:[\w#]+\.)*(#?\w+)\(\)`/g
const FILE = /\b([\w/-]+(?:\.[\w-]+)*\.(?:ts|mjs))\b/g

function* namesIn(text: string): Generator<{ readonly at: number; readonly name: string }> {
  for (const comment of text.matchAll(COMMENT))
    for (const pattern of [LINK, TYPE, CALL, FILE])
      for (const match of comment[0].matchAll(pattern))
        yield { at: comment.index + match.index, name: match[1] as string }
}

function declare(source: ts.SourceFile, into: Declared): void {
  const add = (owner: string, member: string): void => {
    const members = into.members.get(owner) ?? new Set()
    into.members.set(owner, members.add(member))
  }
  const inherit = (owner: string, parent: string): void => {
    const parents = into.parents.get(owner) ?? new Set()
    into.parents.set(owner, parents.add(parent))
  }
  const visit = (node: ts.Node, owner: string | undefined): void => {
    let inner = owner
    const name = nameOf(node)
    if (name !== undefined) {
      into.names.add(name)
      if (owner !== undefined) add(owner, name)
      const owns =
        ts.isClassLike(node) ||
        ts.isInterfaceDeclaration(node) ||
        ts.isTypeAliasDeclaration(node) ||
        ts.isVariableDeclaration(node)
      if (owns) inner = name
    }
    if (ts.isHeritageClause(node) && owner !== undefined)
      for (const { expression } of node.types) inherit(owner, expression.getText(source))
    if (ts.isTypeAliasDeclaration(node) && name !== undefined)
      for (const text of node.type.getText(source).matchAll(/\b[A-Z]\w*/g)) inherit(name, text[0])
    ts.forEachChild(node, (child) => visit(child, inner))
  }
  visit(source, undefined)
}

function nameOf(node: ts.Node): string | undefined {
  if (ts.isImportSpecifier(node) || ts.isImportClause(node) || ts.isTypeParameterDeclaration(node))
    return node.name?.text
  const { name } = node as { readonly name?: ts.Node }
  if (name === undefined || ts.isPropertyAccessExpression(node)) return undefined
  return ts.isIdentifier(name) || ts.isPrivateIdentifier(name) || ts.isStringLiteral(name)
    ? name.text
    : undefined
}

function resolves(name: string, declared: Declared, paths: readonly string[]): boolean {
  if (/\.(ts|mjs)$/.test(name)) return paths.some((path) => path === name || path.endsWith(`/${name}`))
  const [owner, ...rest] = name.replace(/\(\)$/, '').split('.')
  const [member] = rest
  if (owner === undefined || isGlobal(owner)) return true
  if (member === undefined) return declared.names.has(owner)
  return hasMember(owner, member, declared, new Set())
}

function hasMember(owner: string, member: string, declared: Declared, seen: Set<string>): boolean {
  if (seen.has(owner)) return false
  seen.add(owner)
  if (declared.members.get(owner)?.has(member) === true) return true
  for (const parent of declared.parents.get(owner) ?? [])
    if (isGlobal(parent) || hasMember(parent, member, declared, seen)) return true
  return false
}

/** Of the language, of Node, or of no program at all. */
function isGlobal(name: string): boolean {
  return name in globalThis || ELSEWHERE.has(name)
}

/** Names that comments may have though no file declares them: types of Node, fields of HTTP, tools. */
const ELSEWHERE: ReadonlySet<string> = new Set(['Duplex', 'Readable', 'Server', 'Socket'])
