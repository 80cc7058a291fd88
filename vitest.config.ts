import { fileURLToPath } from 'node:url'
import { defineConfig, type TestProjectInlineConfiguration, type ViteUserConfig } from 'vitest/config'
import { reporters } from './scripts/reporters.js'
import { depth } from './test/support/depth.js'

const loopbackOnly = new URL('./test/support/loopback-only.mjs', import.meta.url)
const propertyDepth = new URL('./test/support/property-depth.ts', import.meta.url)

/**
 * Tests of one process share their modules where they leave nothing behind: it saves loading the library anew
 * for each file, which is more than half of what they cost. Whatever opens real processes has its own.
 */
function project(
  name: string,
  include: string[],
  options: TestProjectInlineConfiguration['test'] = {},
  setupFiles: readonly string[] = [],
): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      name,
      include: include.map((folder) => `${folder}/**/*.test.ts`),
      ...options,
      // What the library does by default on a real network (name look-ups of DHT routers) stays undone, here and
      // in every Node process that a test starts.
      setupFiles: [fileURLToPath(loopbackOnly), ...setupFiles],
    },
  }
}

const shared = { isolate: false, pool: 'threads' } as const

const config: ViteUserConfig = defineConfig({
  resolve: {
    // Without the alias `#hash` resolves through package.json to a stale dist.
    alias: { '#hash': fileURLToPath(new URL('./src/hash/node.ts', import.meta.url)) },
  },
  test: {
    projects: [
      project('pure', ['test/unit', 'test/vectors', 'test/property'], shared, [fileURLToPath(propertyDepth)]),
      project('sim', ['test/sim'], shared),
      // Real sockets, processes and the built package: `npm run build` first.
      project('system', ['test/integration', 'test/package']),
    ],
    env: { NODE_OPTIONS: `--import=${loopbackOnly.href}` },
    testTimeout: 30_000 * depth,
    hookTimeout: 30_000,
    // What a test that passes prints is noise.
    silent: 'passed-only',
    ...reporters(process.env.RAREST_REPORT ?? 'main'),
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.d.ts', 'src/entry/**'],
      reporter: ['text-summary', 'html'],
      thresholds: { lines: 90 },
    },
  },
})

export default config
