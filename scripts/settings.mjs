/**
 * Writes what comes from the table of settings, src/session/settings-table.ts: the types of a session's options,
 * with their documentation, and docs/settings.md.
 *
 *   node scripts/settings.mjs
 */
import { writeFileSync } from 'node:fs'
import { build } from 'esbuild'

const { outputFiles } = await build({
  entryPoints: [new URL('settings-pages.ts', import.meta.url).pathname],
  bundle: true,
  platform: 'node',
  format: 'esm',
  write: false,
  alias: { '#hash': new URL('../src/hash/node.ts', import.meta.url).pathname },
})
const code = `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`
const { pages } = await import(code)
for (const [path, text] of Object.entries(pages())) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text)
  console.log(`wrote ${path}`)
}
