/** The DHT at size: real node cores on a simulated network, and the figures that they must reach. */
import os from 'node:os'
import { Scenario } from '../../test/support/dht-scenario.js'

const MINUTE = 60_000
const [nodes = 10_000, lookups = 1_000, targets = 20, seed = 1] = process.argv.slice(2).map(Number)

const started = performance.now()
const scenario = new Scenario(seed)
const { network } = scenario
let failed = 0

/** Seconds of CPU so far: the machine may do other things meanwhile. */
function cpu(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** Prints a figure, and whether it is as it must be. */
function report(what: string, figure: string, isRight?: boolean): void {
  if (isRight === false) failed++
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  console.log(
    `${isRight === undefined ? '    ' : isRight ? 'ok  ' : 'FAIL'} ${what}: ${figure} (${seconds} s, ${cpu().toFixed(0)} of CPU)`,
  )
}

/** Says every ten virtual minutes how far it is. */
function progress(): void {
  const minutes = Math.round(network.now / MINUTE)
  if (minutes > 0)
    console.error(`${minutes} virtual min, ${scenario.hosts.length} nodes, ${cpu().toFixed(0)} s of CPU`)
  network.at(network.now + 10 * MINUTE, progress)
}

console.log(
  `${nodes} nodes, 20 % churn an hour, 5 % loss, one router, seed ${seed}, Node ${process.version} on ${os.cpus()[0]?.model}`,
)
progress()
scenario.grow(nodes, 20 * MINUTE)
network.run(network.now + 15 * MINUTE)
report('grown', `${(network.now / MINUTE).toFixed(0)} virtual minutes, ${network.datagrams} datagrams`)
if (lookups > 0) {
  scenario.churn(0.2, network.now + 15 * MINUTE + 27 * MINUTE)
  const traffic = scenario.traffic(15 * MINUTE)
  report('traffic of an idle node, both ways', `${traffic.toFixed(0)} bytes/s`, traffic < 300)
  const found = scenario.findAnnounced(lookups)
  report(
    'peers found that were announced 15 min before',
    `${found.found} of ${found.lookups}`,
    found.found >= 0.995 * found.lookups,
  )
  report('median rounds', String(found.medianRounds), found.medianRounds <= 5)
  report('median queries', String(found.medianQueries), found.medianQueries <= 40)
  report('median duration', `${found.medianDuration.toFixed(0)} ms at 10 to 150 ms a way`)
}
const sizes = scenario.hosts.map((host) => host.node.stats(network.now))
const mean = (sum: number) => (sum / sizes.length).toFixed(0)
report(
  'nodes in a table',
  `${mean(sizes.reduce((sum, one) => sum + one.nodes, 0))}, good ${mean(sizes.reduce((sum, one) => sum + one.goodNodes, 0))}`,
)
const seconds = cpu()
const virtual = network.now / 1000
report(
  'simulated for each second of CPU',
  `${((nodes * virtual) / seconds).toFixed(0)} node-seconds and ${(network.datagrams / seconds).toFixed(0)} datagrams; ${(process.memoryUsage().rss / 1e6).toFixed(0)} MB`,
)
for (const entitled of targets > 0 ? [false, true] : []) {
  const attacked = Array.from({ length: targets }, () => network.random.bytes(20))
  for (const target of attacked) scenario.surround(target, entitled)
  network.run(network.now + 5 * MINUTE)
  const hidden = scenario.findAnnounced(targets, attacked)
  scenario.expelSybils()
  network.run(network.now + 15 * MINUTE)
  const figure = `${hidden.found} of ${hidden.lookups}, ${hidden.medianQueries} queries`
  if (entitled) report('among 1,000 sybils, one in each /24 entitled to its id', figure)
  else report('among 1,000 sybils not entitled to their ids', figure, hidden.found >= 0.95 * hidden.lookups)
}
const read = scenario.readAfterExodus(50)
report('items read after half of the nodes left', `${read} of 50`, read === 50)
process.exitCode = failed > 0 ? 1 : 0
