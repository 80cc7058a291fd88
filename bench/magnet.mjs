/**
 * How soon a magnet link with one peer brings data: on loopback, from adding the link to its metadata and to the
 * first block of the payload, in a fresh process each time, for us and libtorrent in turn, from either as the seed.
 *
 *   npm run build && node bench/magnet.mjs [--runs <n>] [--encryption plain|prefer]
 *
 * The torrent has 4,096 pieces: 80 KiB of metadata.
 */
import { parseArgs } from 'node:util'
import { startClient, Workspace } from './swarm/rig.mjs'

const CLIENTS = ['rarest', 'libtorrent']
/** ms; the goal for the first block. */
const GOAL = 300
const PIECE = 16_384

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, encryption: { type: 'string', default: 'plain' } },
})
const runs = Number(values.runs)
const link = {
  encryption: values.encryption,
  session: { encryption: values.encryption === 'prefer' ? 'preferred' : 'disabled' },
}
const workspace = new Workspace(4096 * PIECE)
const torrent = await workspace.torrent(PIECE)
try {
  console.log(`median of ${runs} runs (least to greatest), ms, encryption ${values.encryption}`)
  for (const seedName of CLIENTS) {
    const seed = await startClient(seedName, link)
    try {
      const { infoHash } = await seed.request({ cmd: 'add', torrent, dir: workspace.data, seedMode: true })
      await seed.event('finished', { timeout: 60_000 })
      const magnet = `magnet:?xt=urn:btih:${infoHash}&x.pe=127.0.0.1:${seed.ready.port}`
      const samples = new Map(CLIENTS.map((name) => [name, []]))
      for (let run = 0; run < runs; run++) {
        for (const name of run % 2 === 0 ? CLIENTS : CLIENTS.toReversed())
          samples.get(name).push(await start(name, magnet))
      }
      for (const [name, times] of samples) {
        const first = spread(times.map(({ block }) => block))
        console.log(
          `${name.padEnd(10)} from ${seedName.padEnd(10)}  metadata ${text(spread(times.map(({ metadata }) => metadata)))}` +
            `  first block ${text(first)}${name === 'rarest' && first.median > GOAL ? `  above ${GOAL}` : ''}`,
        )
      }
    } finally {
      await seed.stop()
    }
  }
} finally {
  workspace.remove()
}

/** Adds the magnet in a process of its own; returns ms until the metadata and the first block are there. */
async function start(name, magnet) {
  const client = await startClient(name, { ...link, blocks: true })
  try {
    const { at } = await client.request({ cmd: 'add', magnet, dir: workspace.target() })
    const metadata = await client.event('metadata_received')
    const block = await client.event('block')
    return { metadata: metadata.at - at, block: block.at - at }
  } finally {
    await client.stop()
  }
}

function spread(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b)
  return { median: sorted[sorted.length >> 1], least: sorted[0], greatest: sorted.at(-1) }
}

function text({ median, least, greatest }) {
  return `${median.toFixed(0)} (${least.toFixed(0)}-${greatest.toFixed(0)})`
}
