/**
 * The public face as TypeScript sees it: what each entry of the package exports, as text, and which names that
 * text uses without exporting them.
 */
import ts from 'typescript'

export interface EntryApi {
  /** The declarations without their comments, in the order of their names: what `docs/api` holds. */
  readonly text: string
  /** `name (used by)`: types that a user meets and cannot name. */
  readonly unnamed: readonly string[]
}

/** @param entries the declaration file of each entry. */
export function publicApi(entries: Readonly<Record<string, string>>): Map<string, EntryApi> {
  const program = ts.createProgram({
    rootNames: Object.values(entries),
    options: {
      target: ts.ScriptTarget.ES2022,
      lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      strict: true,
      noEmit: true,
      types: ['node'],
    },
  })
  const faults = ts.getPreEmitDiagnostics(program)
  if (faults.length > 0) throw new Error(ts.flattenDiagnosticMessageText(faults[0]!.messageText, '\n'))
  return new Map(Object.entries(entries).map(([name, file]) => [name, describe(program, file)]))
}

function describe(program: ts.Program, file: string): EntryApi {
  const checker = program.getTypeChecker()
  const printer = ts.createPrinter({ removeComments: true })
  const module = checker.getSymbolAtLocation(program.getSourceFile(file)!)!
  const exported = new Map<ts.Symbol, string>()
  for (const symbol of checker.getExportsOfModule(module)) exported.set(target(checker, symbol), symbol.name)
  const unnamed = new Set<string>()
  const texts: string[] = []
  for (const [symbol, name] of [...exported].sort(([, a], [, b]) => (a < b ? -1 : 1))) {
    for (const declaration of symbol.declarations ?? []) {
      const source = declaration.getSourceFile()
      const node = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
      const text = printer.printNode(ts.EmitHint.Unspecified, node, source)
      const bare = text.replace(/^(export )?(declare )?/, '').replace(/^ {4}#private;\n/m, '')
      texts.push(`export ${bare.replaceAll(/^( {4})+/gm, (indent) => ' '.repeat(indent.length / 2))}`)
      for (const used of references(node)) {
        const known = target(checker, checker.getSymbolAtLocation(used)!)
        if (!exported.has(known) && !isOthers(program, known)) unnamed.add(`${used.getText()} (${name})`)
      }
    }
  }
  return { text: `${texts.join('\n\n')}\n`, unnamed: [...unnamed].sort() }
}

/** The names of types in a declaration, private members left out. */
function* references(node: ts.Node): Generator<ts.Identifier> {
  if (ts.isTypeReferenceNode(node)) yield leftmost(node.typeName)
  else if (ts.isExpressionWithTypeArguments(node) && ts.isIdentifier(node.expression)) yield node.expression
  else if (ts.isTypeQueryNode(node)) yield leftmost(node.exprName)
  const children: ts.Node[] = []
  ts.forEachChild(node, (child) => void children.push(child))
  for (const child of children) yield* references(child)
}

function leftmost(name: ts.EntityName): ts.Identifier {
  return ts.isIdentifier(name) ? name : leftmost(name.left)
}

function target(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
}

/** A type parameter, or declared by the language or by Node. */
function isOthers(program: ts.Program, symbol: ts.Symbol): boolean {
  if (symbol.flags & ts.SymbolFlags.TypeParameter) return true
  return (symbol.declarations ?? []).every((declaration) => {
    const source = declaration.getSourceFile()
    return program.isSourceFileDefaultLibrary(source) || source.fileName.includes('/node_modules/')
  })
}
