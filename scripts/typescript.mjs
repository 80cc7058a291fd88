/**
 * Runs the native TypeScript compiler over one project after another, all of them whatever one finds. It
 * takes a quarter of the time of TypeScript 5, which builds bundled declarations and stands for what users have.
 *
 *   node scripts/typescript.mjs <tsconfig>...
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const compiler = fileURLToPath(new URL('../node_modules/typescript-7/bin/tsc', import.meta.url))
for (const project of process.argv.slice(2)) {
  const { status } = spawnSync(process.execPath, [compiler, '-p', project], { stdio: 'inherit' })
  if (status !== 0) process.exitCode = 1
}
