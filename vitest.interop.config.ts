import { fileURLToPath } from 'node:url'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import { reporters } from './scripts/reporters.js'

/** Real clients on loopback: one file after another, since each measures time-outs of other programs. */
const config: ViteUserConfig = defineConfig({
  resolve: {
    alias: { '#hash': fileURLToPath(new URL('./src/hash/node.ts', import.meta.url)) },
  },
  test: {
    include: ['test/interop/**/*.test.ts'],
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
    ...reporters('interop'),
  },
})

export default config
