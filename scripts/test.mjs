/**
 * What the README's test command runs: checks, build and tests side by side on as many processors as there
 * are. Prints the output of each step in one block when it ends; goes on after a failure and exits 1 in the
 * end. `--coverage` also measures coverage, in the same run, and fails below the threshold.
 *
 *   node scripts/test.mjs [--coverage]
 */
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'

const coverage = process.argv.includes('--coverage') ? ' --coverage' : ''

/** In the order in which they start; `needs` names steps that have to be done well before. */
const STEPS = [
  // First what others wait for, and what takes longest.
  { name: 'build', run: 'npm run -s build' },
  {
    name: 'tests of units, properties and simulations',
    run: `npx vitest run --project pure --project sim${coverage}`,
    env: { RAREST_REPORT: 'main' },
  },
  {
    name: 'tests of the package, the command and real sockets',
    run: 'npx vitest run --project system',
    env: { RAREST_REPORT: 'system' },
    needs: ['build'],
  },
  { name: 'types', run: 'npm run -s check:types' },
  { name: 'style', run: 'npm run -s check:style' },
  { name: 'imports', run: 'npm run -s check:imports' },
  { name: 'unused', run: 'npm run -s check:unused' },
]

const began = performance.now()
const waiting = [...STEPS]
/** Name of each step that ended to what became of it. */
const outcomes = new Map()
let running = 0

await new Promise((resolve) => {
  const next = () => {
    for (const step of [...waiting]) {
      if (running >= Math.max(2, availableParallelism())) break
      const needs = step.needs ?? []
      if (!needs.every((name) => outcomes.has(name))) continue
      waiting.splice(waiting.indexOf(step), 1)
      if (!needs.every((name) => outcomes.get(name) === 'ok')) {
        tell(step, 'FAILED', `not run: ${needs.join(', ')} failed\n`)
        continue
      }
      running++
      void start(step).then((isOk) => {
        running--
        outcomes.set(step.name, isOk ? 'ok' : 'FAILED')
        next()
      })
    }
    if (running === 0 && waiting.length === 0) resolve()
  }
  next()
})

const failed = [...outcomes].filter(([, outcome]) => outcome !== 'ok').map(([name]) => name)
console.log(
  `\n${seconds(began)} s in all${failed.length > 0 ? `; FAILED: ${failed.join(', ')}` : ', all well'}`,
)
process.exitCode = failed.length > 0 ? 1 : 0

/** Resolves with whether the step ended well. */
function start(step) {
  const since = performance.now()
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(step.run, {
      shell: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...(process.stdout.isTTY && { FORCE_COLOR: '1' }), ...step.env },
    })
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', (error) => (output += `${error.message}\n`))
    child.on('close', (code) => {
      tell(step, code === 0 ? 'ok' : 'FAILED', output, since)
      resolve(code === 0)
    })
  })
}

function tell(step, outcome, output, since) {
  outcomes.set(step.name, outcome)
  const time = since === undefined ? '' : ` (${seconds(since)} s)`
  process.stdout.write(`\n==> ${step.name}: ${outcome}${time}\n${output}`)
}

function seconds(since) {
  return ((performance.now() - since) / 1000).toFixed(0)
}
