import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { reporters } from './scripts/reporters.js'

const loopbackOnly = new URL('./test/support/loopback-only.mjs', import.meta.url)

/** Real clients on loopback: one file after another, since each measures time-outs of other programs. */
const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: { '#hash': fileURLToPath(new URL('./src/hash/node.ts', import.meta.url)) },
  },
  test: {
    include: ['test/interop/**/*.test.ts'],
    // What the library does by default on a real network (name look-ups of DHT routers) stays undone, here and
    // in every Node process that a test starts.
    setupFiles: [fileURLToPath(loopbackOnly)],
    env: { NODE_OPTIONS: `--import=${loopbackOnly.href}` },
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    ...reporters('interop'),
  },
})

export default config
