/**
 * Benchmarks against other clients on loopback, in turn and on the same data.
 *
 *   node bench/run.mjs [--quick | --full] [--only download,seed,...] [--clients rarest,libtorrent,webtorrent]
 *                      [--runs n] [--size MiB] [--no-save]
 *
 * --quick: 256 MiB once. --full: 1 GiB, 5 runs. Otherwise 1 GiB, 3 runs. Results go to bench/results/.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { machine, markdown, summarise } from './swarm/report.mjs'
import { CLIENTS, Workspace } from './swarm/rig.mjs'
import { SCENARIOS } from './swarm/scenarios.mjs'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    full: { type: 'boolean', default: false },
    only: { type: 'string' },
    clients: { type: 'string', default: CLIENTS.join(',') },
    runs: { type: 'string' },
    size: { type: 'string' },
    'no-save': { type: 'boolean', default: false },
  },
})
const mib = Number(values.size ?? (values.quick ? 256 : 1024))
const runs = Number(values.runs ?? (values.quick ? 1 : values.full ? 5 : 3))
const clients = chosen(values.clients, CLIENTS, 'client')
const names = [...new Set(SCENARIOS.flatMap(({ name, group }) => [name, group]))]
const only = values.only === undefined ? names : chosen(values.only, names, 'benchmark')
const scenarios = SCENARIOS.filter(({ name, group }) => only.includes(name) || only.includes(group))

prepare()
const workspace = new Workspace(mib * 2 ** 20)

const results = []
const started = new Date()
for (const scenario of scenarios) {
  console.error(`${scenario.name}: ${scenario.title}`)
  const samples = new Map(clients.map((client) => [client, []]))
  const failures = new Map()
  for (let run = 0; run < runs; run++) {
    // Clients take turns, and change the order, so that a noisy minute meets all of them.
    const order = run % 2 === 0 ? clients : clients.toReversed()
    for (const client of order) {
      if (failures.has(client)) continue
      try {
        const sample = await scenario.run(client, workspace, { compare: run === 0, phase: run / runs })
        samples.get(client).push(sample)
        console.error(
          `  ${client.padEnd(10)} ${sample.rate.toFixed(0).padStart(5)} MiB/s  ${sample.cpuPerGib.toFixed(2)} CPU s/GiB  ` +
            `+${(sample.memoryAdded / 2 ** 20).toFixed(0)} MiB`,
        )
      } catch (error) {
        // One client that cannot do it is a result too.
        failures.set(client, String(error.message).split('\n')[0])
        console.error(`  ${client.padEnd(10)} failed: ${error.message}`)
      }
    }
  }
  results.push(summarise(scenario, samples, failures))
}
workspace.remove()

const report = { machine: machine(), date: started.toISOString(), bytes: mib * 2 ** 20, runs, results }
const text = markdown(report)
console.log(text)
if (!values['no-save']) save(report, text)

function chosen(list, known, what) {
  const wanted = list.split(',')
  for (const name of wanted) {
    if (!known.includes(name))
      throw new RangeError(`unknown ${what} ${name}: expected some of ${known.join(', ')}`)
  }
  return wanted
}

/** The reference packages of bench/package.json, and a build of ours, where the chosen clients need them. */
function prepare() {
  const here = fileURLToPath(new URL('.', import.meta.url))
  if (clients.includes('webtorrent') && !existsSync(`${here}node_modules/webtorrent`)) {
    const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: here,
      stdio: 'inherit',
    })
    if (status !== 0) throw new Error('npm ci in bench/ failed')
  }
  if (clients.includes('rarest') && !existsSync(`${here}../dist/index.js`))
    throw new Error('run "npm run build" first')
}

function save(report, text) {
  const slug = report.machine.cpu
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  const folder = fileURLToPath(new URL('results/', import.meta.url))
  const file = `${folder}${report.date.slice(0, 10)}-${slug}`
  mkdirSync(folder, { recursive: true })
  writeFileSync(`${file}.json`, `${JSON.stringify(report, undefined, 2)}\n`)
  writeFileSync(`${file}.md`, text)
  console.error(`saved bench/results/${file.slice(folder.length)}.{json,md}`)
}
