/**
 * Runs the benchmarks that one built file defines, and writes `[{ name, median, p99 }]` (ns) as JSON;
 * rows that the file measured itself (its export `rows`, which may have `worst`) come first.
 *
 *   node --expose-gc bench/micro/run-one.mjs <built file> <result file>
 */
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { run } from 'mitata'

const [file, result] = process.argv.slice(2)
const module = await import(pathToFileURL(file))
const { benchmarks } = await run()
const rows = [...(module.rows ?? [])]
for (const { runs } of benchmarks) {
  for (const { name, stats, error } of runs) {
    if (error) {
      console.error(error)
      process.exitCode = 1
    } else rows.push({ name, median: stats.p50, p99: stats.p99 })
  }
}
writeFileSync(result, JSON.stringify(rows))
