/**
 * Where our client spends its time: runs one scenario with --cpu-prof and prints the functions with the most
 * self time.
 *
 *   node bench/swarm/profile.mjs [download|download-16k|download-40|seed|check|...] [--size MiB] [--top n] [--keep]
 *
 * --keep leaves the .cpuprofile in the working directory, for the browser's developer tools.
 */
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import { Workspace } from './rig.mjs'
import { SCENARIOS } from './scenarios.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    size: { type: 'string', default: '1024' },
    top: { type: 'string', default: '30' },
    keep: { type: 'boolean', default: false },
  },
})
const name = positionals[0] ?? 'download'
const scenario = SCENARIOS.find((each) => each.name === name)
if (scenario === undefined) {
  throw new RangeError(
    `unknown scenario ${name}: expected one of ${SCENARIOS.map((each) => each.name).join(', ')}`,
  )
}

const folder = mkdtempSync(`${tmpdir()}/rarest-profile-`)
const workspace = new Workspace(Number(values.size) * 2 ** 20)
try {
  const nodeArguments = ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500']
  const sample = await scenario.run('rarest', workspace, { compare: false, nodeArguments })
  console.log(
    `${scenario.title}: ${sample.rate.toFixed(0)} MiB/s, ${sample.cpuPerGib.toFixed(2)} CPU s/GiB (slower than without the profiler)\n`,
  )
  const [file] = readdirSync(folder)
  if (file === undefined) throw new Error('the client left no profile: it did not end by itself')
  print(JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')), Number(values.top))
  if (values.keep) {
    copyFileSync(`${folder}/${file}`, `${name}.cpuprofile`)
    console.log(`\n${name}.cpuprofile`)
  }
} finally {
  workspace.remove()
  rmSync(folder, { recursive: true, force: true })
}

/** Self time by function: samples carry the time since the one before. */
function print({ nodes, samples, timeDeltas }, top) {
  const frames = new Map(nodes.map((node) => [node.id, node.callFrame]))
  const times = new Map()
  let busy = 0
  for (const [index, id] of samples.entries()) {
    const { functionName, url, lineNumber } = frames.get(id)
    if (functionName === '(idle)') continue
    const place = url === '' ? '' : ` ${basename(url)}:${lineNumber + 1}`
    const key = `${functionName || '(anonymous)'}${place}`
    times.set(key, (times.get(key) ?? 0) + timeDeltas[index])
    busy += timeDeltas[index]
  }
  console.log(
    `   self ms      %  function (${(busy / 1000).toFixed(0)} ms busy, start of the process included)`,
  )
  for (const [key, time] of [...times].sort((a, b) => b[1] - a[1]).slice(0, top)) {
    console.log(
      `${(time / 1000).toFixed(1).padStart(10)} ${((100 * time) / busy).toFixed(1).padStart(6)}  ${key}`,
    )
  }
}
