import { readFileSync } from 'node:fs'
import { defineConfig, type Options } from 'tsup'

/** The exports map of package.json is the one list of entries: `./tracker/codec` is `src/entry/tracker/codec.ts`. */
const manifest = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as {
  exports: Record<string, unknown>
}
const names = Object.keys(manifest.exports)
  .map((subpath) => subpath.slice(2))
  .filter((name) => name !== '' && name !== 'package.json')
const subpaths: Record<string, string> = { index: 'src/index.ts' }
for (const name of names) subpaths[name] = `src/entry/${name}.ts`

/** Declarations as the native compiler wrote them (`tsconfig.types.json`): joined here, not derived a second time. */
const declarations: Record<string, string> = { index: '.build/types/index.d.ts' }
for (const name of names) declarations[name] = `.build/types/entry/${name}.d.ts`

const library: Options = {
  entry: { ...subpaths, 'hash/node': 'src/hash/node.ts', 'hash/browser': 'src/hash/browser.ts' },
  dts: { entry: declarations },
  format: ['esm', 'cjs'],
  platform: 'node',
  target: 'node20',
  // Two hundred lines of file sizes; errors are printed all the same.
  silent: true,
  // Splitting keeps one copy of every class; without treeshake it sends CJS through sucrase, which
  // makes `?.` and `??` twenty times slower.
  splitting: true,
  treeshake: true,
  shims: true,
  removeNodeProtocol: false,
  sourcemap: true,
  esbuildOptions: (options): void => {
    // Stack traces name our files and lines; the sources themselves would make two thirds of the package.
    options.sourcesContent = false
  },
  external: ['#hash'],
  // ESM only: bundled, so that the CJS build loads.
  noExternal: ['bitfield'],
}

/**
 * The command, on top of the library in `dist`: what it imports from `src/index.ts` and `src/entry/`
 * stays an import, what it alone uses (argument parser, progress bar) is bundled, so that installing
 * rarest does not install it.
 */
const command: Options = {
  entry: { 'cli/main': 'src/cli/main.ts' },
  format: ['esm'],
  platform: 'node',
  target: 'node20',
  silent: true,
  splitting: false,
  treeshake: true,
  removeNodeProtocol: false,
  // The bundled packages are CommonJS and ask for Node's modules by `require`.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
  esbuildPlugins: [
    {
      name: 'library-as-import',
      setup(build): void {
        build.onResolve({ filter: /^(\.\.\/)+(index|entry\/.+)\.js$/ }, ({ path }) => ({
          path: path.replace(/^(\.\.\/)+(entry\/)?/, '../'),
          external: true,
        }))
      },
    },
  ],
}

const config: ReturnType<typeof defineConfig> = defineConfig([library, command])

export default config
