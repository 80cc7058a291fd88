/**
 * Adds up vitest's JSON reports: names each test that failed, with the first lines of its message, and
 * prints one line, `412 passed, 0 failed, 3 skipped`. A report that is missing (its run never came to the
 * tests) and a file that did not load count as a failure each.
 *
 *   node scripts/count-tests.mjs <directory> <name>...
 */
import { readFileSync } from 'node:fs'

const [directory, ...names] = process.argv.slice(2)
let passed = 0
let failed = 0
let skipped = 0
for (const name of names) {
  let report
  try {
    report = JSON.parse(readFileSync(`${directory}/${name}.json`, 'utf8'))
  } catch {
    console.log(`no report of the ${name} tests`)
    failed++
    continue
  }
  passed += report.numPassedTests
  failed += report.numFailedTests
  skipped += report.numPendingTests + report.numTodoTests
  for (const file of report.testResults) {
    const failures = file.assertionResults.filter((test) => test.status === 'failed')
    for (const test of failures) tell(`${file.name} > ${test.fullName}`, test.failureMessages.join('\n'))
    if (file.status === 'failed' && failures.length === 0) {
      tell(file.name, file.message)
      failed++
    }
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
process.exitCode = failed > 0 ? 1 : 0

/** The end of a log is what is kept of it, so failures are told again here. */
function tell(name, message) {
  console.log(`FAILED ${name}`)
  for (const line of String(message).split('\n').slice(0, 12)) console.log(`    ${line}`)
}
