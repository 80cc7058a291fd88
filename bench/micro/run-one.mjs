/**
 * Runs the benchmarks that one built file defines, and writes `[{ name, median }]` (ns) as JSON.
 *
 *   node --expose-gc bench/micro/run-one.mjs <built file> <result file>
 */
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { run } from 'mitata'

const [file, result] = process.argv.slice(2)
await import(pathToFileURL(file))
const { benchmarks } = await run()
const rows = []
for (const { runs } of benchmarks) {
  for (const { name, stats, error } of runs) {
    if (error) {
      console.error(error)
      process.exitCode = 1
    } else rows.push({ name, median: stats.p50, p99: stats.p99 })
  }
}
writeFileSync(result, JSON.stringify(rows))
