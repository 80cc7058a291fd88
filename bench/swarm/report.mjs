/** From samples to medians, ratios and a table. */
import os from 'node:os'

const MIB = 1 << 20

/** The machine, as far as results depend on it: no host names, no paths. */
export function machine() {
  const cpus = os.cpus()
  return {
    cpu: cpus[0].model.trim(),
    cores: cpus.length,
    memoryGib: Math.round(os.totalmem() / 2 ** 30),
    kernel: `${os.type()} ${os.release().split('-')[0]}`,
    node: process.version,
  }
}

/** Median and range of every number that the samples of a client have. */
export function summarise(scenario, samples, failures) {
  const clients = {}
  for (const [client, list] of samples) {
    if (list.length > 0) {
      clients[client] = {}
      for (const key of Object.keys(list[0])) clients[client][key] = spread(list.map((sample) => sample[key]))
    }
    if (failures.has(client)) clients[client] = { ...clients[client], failed: failures.get(client) }
  }
  return { name: scenario.name, title: scenario.title, clients }
}

export function markdown({ machine: m, date, bytes, runs, results }) {
  const lines = [
    `# Swarm benchmarks, ${date.slice(0, 10)}`,
    '',
    `${m.cpu}, ${m.cores} cores, ${m.memoryGib} GiB, ${m.kernel}, Node ${m.node}. ${bytes / MIB} MiB of random bytes on tmpfs, ` +
      `TCP on loopback, no encryption but where it is named; all clients and seeds share the cores. Medians of ${runs} run${runs > 1 ? 's' : ''} (least to greatest).`,
    '',
    'Rate: from the first connection to the last verified piece. CPU: user and system time of the client from just',
    'before the connection to the end, per GiB; starting the process is not in it. Memory: greatest resident size',
    'during the transfer, and by how much it exceeds the size before; "anonymous" leaves out mapped files (libtorrent',
    'maps the files of the torrent).',
    '',
  ]
  if (results.some(({ name }) => name === 'loop-64m')) {
    lines.push(
      'Longest turn: the most CPU time that the JavaScript thread spent between two firings of a timer of 1 ms. Loop',
      'delay: the most that such a timer was late, which other processes on the same cores cause too; the last column',
      'is that of an idle process at the same time.',
      '',
    )
  }
  for (const result of results) lines.push(...table(result), '')
  lines.push(...derived(results))
  return `${lines.join('\n').trimEnd()}\n`
}

function table({ name, title, clients }) {
  const rows = Object.entries(clients)
  const loop = rows.some(([, values]) => values.loopDelay !== undefined)
  const connections = rows.some(([, values]) => values.connections?.max > 1)
  const head = [
    'client',
    'MiB/s',
    'x libtorrent',
    'x WebTorrent',
    'CPU s/GiB',
    'peak MiB',
    'added MiB',
    'anonymous MiB',
    'start CPU s',
  ]
  if (connections) head.push('connections')
  if (loop) head.push('longest turn, CPU ms', 'loop delay, ms', 'delay of an idle process, ms')
  const lines = [
    `## ${name}: ${title}`,
    '',
    `| ${head.join(' | ')} |`,
    `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`,
  ]
  for (const [client, values] of rows) {
    if (values.rate === undefined) {
      lines.push(`| ${client} | failed: ${values.failed} |`)
      continue
    }
    const row = [
      client,
      range(values.rate, 0),
      ratio(values, clients.libtorrent),
      ratio(values, clients.webtorrent),
      range(values.cpuPerGib, 2),
      range(values.peakMemory, 0, MIB),
      range(values.memoryAdded, 0, MIB),
      range(values.anonymousAdded, 0, MIB),
      values.startupCpu.median.toFixed(2),
    ]
    if (connections) row.push(range(values.connections, 0))
    if (loop)
      row.push(
        values.loopCpu ? range(values.loopCpu, 1) : '-',
        values.loopDelay ? range(values.loopDelay, 1) : '-',
        values.loopNoise ? range(values.loopNoise, 1) : '-',
      )
    lines.push(`| ${row.join(' | ')} |`)
    if (values.failed !== undefined) lines.push(`| ${client}, later run | failed: ${values.failed} |`)
  }
  return lines
}

/** What scale is compared with: the same kind of seed, so that only the scale differs. */
const BASE = { 'download-16k': 'download', 'download-20': 'download', 'download-40': 'download' }

/** Ratios between scenarios: what scale costs each client. */
function derived(results) {
  const lines = []
  for (const [name, baseName] of Object.entries(BASE)) {
    const other = results.find((each) => each.name === name)
    const base = results.find((each) => each.name === baseName)
    if (!other || !base) continue
    const clients = Object.keys(base.clients)
    if (lines.length === 0) {
      lines.push('## Share of the one-seed, 1 MiB rate that is kept', '')
      lines.push(`| | of | ${clients.join(' | ')} |`, `|---|---|${clients.map(() => '---:').join('|')}|`)
    }
    const cells = clients.map((client) => ratio(other.clients[client] ?? {}, base.clients[client]))
    lines.push(`| ${name} | ${baseName} | ${cells.join(' | ')} |`)
  }
  return lines
}

function ratio(values, other) {
  if (values.rate === undefined || other?.rate === undefined) return '-'
  return (values.rate.median / other.rate.median).toFixed(2)
}

function range({ median, min, max }, digits, unit = 1) {
  const show = (value) => (value / unit).toFixed(digits)
  return min === max ? show(median) : `${show(median)} (${show(min)}-${show(max)})`
}

function spread(values) {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  return { median, min: sorted[0], max: sorted.at(-1) }
}
