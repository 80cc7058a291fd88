import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { reporters } from './scripts/reporters.js'

const loopbackOnly = new URL('./test/support/loopback-only.mjs', import.meta.url)

const config: ViteUserConfig = defineConfig({
  resolve: {
    // Without the alias `#hash` resolves through package.json to a stale dist.
    alias: { '#hash': fileURLToPath(new URL('./src/hash/node.ts', import.meta.url)) },
  },
  test: {
    include: ['test/**/*.test.ts'],
    // What the library does by default on a real network (name look-ups of DHT routers) stays undone, here and
    // in every Node process that a test starts.
    setupFiles: [fileURLToPath(loopbackOnly)],
    env: { NODE_OPTIONS: `--import=${loopbackOnly.href}` },
    exclude: ['test/interop/**', '**/node_modules/**'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    ...reporters('main'),
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/**/*.d.ts', 'src/entry/**'],
      thresholds: { lines: 90 },
    },
  },
})

export default config
