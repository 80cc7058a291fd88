/**
 * Simulates a DHT of real nodes and checks its figures; exits with 1 when one is missed.
 *
 *   node bench/dht-sim.mjs [nodes 10000] [look-ups 1000] [targets under attack 20] [seed 1]
 *
 * None of the look-ups, or of the targets, leaves that part out. Ten thousand nodes take 45 min of CPU and 7 GB.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('./', import.meta.url))
const out = `${here}.build/dht-sim.mjs`
await build({
  entryPoints: [`${here}dht/sim.ts`],
  outfile: out,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  alias: { '#hash': `${here}../src/hash/node.ts` },
  logLevel: 'warning',
})
const { status } = spawnSync(
  process.execPath,
  ['--max-old-space-size=12288', out, ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
process.exitCode = status ?? 1
