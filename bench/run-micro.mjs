/**
 * Micro benchmarks: bundles each bench/micro/*.bench.ts with esbuild and runs it in a process of its
 * own, so that one does not warm up or spoil the code of another.
 *
 *   node bench/run-micro.mjs [--save] [name...]
 *
 * --save writes bench/results/micro.md, with the machine named.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'

const { values, positionals } = parseArgs({
  options: { save: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const here = fileURLToPath(new URL('./', import.meta.url))
const out = `${here}.build`
const files = readdirSync(`${here}micro`).filter((file) => file.endsWith('.bench.ts'))
const known = files.map((file) => file.replace('.bench.ts', '')).sort()
for (const name of positionals) {
  if (!known.includes(name)) {
    console.error(`no benchmark ${name}; there are ${known.join(', ')}`)
    process.exit(2)
  }
}
const names = positionals.length > 0 ? positionals : known

// The packages that we compare with have a manifest of their own.
if (!existsSync(`${here}node_modules`)) {
  const install = ['ci', '--ignore-scripts', '--no-audit', '--no-fund']
  const { status } = spawnSync('npm', install, {
    cwd: here,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  })
  if (status !== 0) process.exit(1)
}
rmSync(out, { recursive: true, force: true })
mkdirSync(out)
await build({
  entryPoints: names.map((name) => `${here}micro/${name}.bench.ts`),
  outdir: out,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  alias: { '#hash': `${here}../src/hash/node.ts` },
  logLevel: 'warning',
})

const sections = []
for (const name of names) {
  console.log(`\n== ${name}\n`)
  const result = `${out}/${name}.json`
  const { status } = spawnSync(
    process.execPath,
    ['--expose-gc', `${here}micro/run-one.mjs`, `${out}/${name}.bench.mjs`, result],
    { stdio: 'inherit' },
  )
  if (status !== 0) process.exit(1)
  sections.push({ name, rows: JSON.parse(readFileSync(result, 'utf8')) })
}
if (values.save) {
  mkdirSync(`${here}results`, { recursive: true })
  writeFileSync(`${here}results/micro.md`, report(sections))
  console.log('\nwritten to bench/results/micro.md')
}

function report(sections) {
  const [cpu] = cpus()
  let text = `# Micro benchmarks\n\n${cpu?.model ?? 'unknown processor'}, ${cpus().length} cores, Node ${process.version}, ${process.platform}. Median and 99th percentile of one call.\n`
  for (const { name, rows } of sections) {
    const worst = rows.some((row) => row.worst !== undefined)
    text += `\n## ${name}\n\n| what | median | p99 |${worst ? ' worst call |' : ''}\n|---|---:|---:|${worst ? '---:|' : ''}\n`
    for (const row of rows) {
      text += `| ${row.name} | ${time(row.median)} | ${time(row.p99)} |`
      text += worst ? ` ${row.worst === undefined ? '' : time(row.worst)} |\n` : '\n'
    }
  }
  return text
}

function time(ns) {
  if (ns < 1000) return `${ns.toFixed(ns < 10 ? 1 : 0)} ns`
  if (ns < 1e6) return `${(ns / 1000).toFixed(1)} us`
  return `${(ns / 1e6).toFixed(2)} ms`
}
