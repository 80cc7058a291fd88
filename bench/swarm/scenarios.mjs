/**
 * The swarm benchmarks. Each runs one client once and returns plain numbers; `bench/run.mjs` takes clients in
 * turn, repeats, and compares.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout } from 'node:timers/promises'
import { startClient, startFar, startSeeds, watchMemory } from './rig.mjs'

const KIB = 1024
const MIB = 1 << 20
/** No run takes longer than this, whatever the client does. */
const RUN_LIMIT = 240_000

const STATE_TITLES = { resumed: '', lazy: ' in seed mode', checked: ' that has just checked' }

/** Name, what it shows, and how to run it. `group` is what `--only` may also name. */
export const SCENARIOS = [
  download('download', { seeds: 1, pieceLength: MIB }),
  download('download-checked', { seeds: 1, pieceLength: MIB, state: 'checked' }),
  download('download-lazy', { seeds: 1, pieceLength: MIB, state: 'lazy' }),
  download('download-v2', { seeds: 1, pieceLength: MIB, version: '2' }),
  download('download-hybrid', { seeds: 1, pieceLength: MIB, version: 'hybrid' }),
  download('download-16k', { seeds: 1, pieceLength: 16 * KIB }),
  download('download-rc4', { seeds: 1, pieceLength: MIB, encryption: 'rc4' }),
  download('utp-download', { seeds: 1, pieceLength: MIB, utp: true }),
  download('utp-untuned', { seeds: 1, pieceLength: MIB, utp: true, buffers: false }),
  download('utp-far', { seeds: 1, pieceLength: MIB, utp: true, delay: 25 }),
  download('download-20', { seeds: 20, pieceLength: MIB }),
  download('download-40', { seeds: 40, pieceLength: MIB }),
  download('memory-16m-40', { seeds: 40, pieceLength: 16 * MIB }),
  download('loop-64m', { seeds: 1, pieceLength: 64 * MIB, loopDelay: true }),
  { name: 'seed', group: 'seeds', title: 'seed to one libtorrent peer, 1 MiB pieces', run: seed },
  {
    name: 'seed-rc4',
    group: 'seeds',
    title: 'seed to one libtorrent peer over RC4, 1 MiB pieces',
    run: (client, workspace, options) => seed(client, workspace, { encryption: 'rc4', ...options }),
  },
  {
    name: 'utp-seed',
    group: 'utp',
    title: 'seed to one libtorrent peer over uTP, 1 MiB pieces',
    run: (client, workspace, options) => seed(client, workspace, { utp: true, ...options }),
  },
  { name: 'check', group: 'check', title: 'check of existing data, 1 MiB pieces', run: check },
]

/**
 * Seeds are `resumed`, one as well as forty, unless `state` names another of SEED_STATES: in the seed mode of
 * libtorrent (`lazy`) hashing is a cost of the seed's in the middle of the transfer; a `checked` seed is faster
 * than any that was started again, since its pages are mapped.
 */
function download(name, setup) {
  const {
    seeds,
    pieceLength,
    loopDelay = false,
    state = 'resumed',
    encryption,
    version,
    utp,
    buffers,
    delay,
  } = setup
  const pieces = pieceLength < MIB ? `${pieceLength / KIB} KiB` : `${pieceLength / MIB} MiB`
  const title = [
    `download from ${seeds} libtorrent seed${seeds > 1 ? 's' : ''}${STATE_TITLES[state]}`,
    ...(encryption ? [`over ${encryption.toUpperCase()}`] : []),
    ...(utp ? ['over uTP'] : []),
    ...(buffers === false ? ['with the socket buffers that libtorrent asks for'] : []),
    ...(delay ? [`${2 * delay} ms away`] : []),
  ]
  return {
    name,
    group: utp ? 'utp' : 'downloads',
    title: `${title.join(' ')}, ${pieces} pieces${version === undefined ? '' : `, version ${version}`}`,
    run: (client, workspace, options) =>
      runDownload(client, workspace, { ...setup, loopDelay, state, ...options }),
  }
}

/** From the first connection that a seed accepts to the last verified piece. */
async function runDownload(name, workspace, setup) {
  const { seeds, pieceLength, loopDelay, state, delay, version, phase, compare, nodeArguments } = setup
  const torrent = await workspace.torrent(pieceLength, version)
  const target = workspace.target()
  workspace.warm()
  const swarm = await startSeeds(torrent, workspace.data, seeds, state, linkOf(setup))
  let client
  let far
  try {
    if (delay) far = await startFar(swarm.peers, delay)
    client = await startClient(name, { loopDelay, nodeArguments, ...linkOf(setup) })
    const startup = client.ready.cpu
    await client.request({ cmd: 'add', torrent, dir: target })
    await client.event('checked', { timeout: RUN_LIMIT })
    const before = await client.request({ cmd: 'usage' })
    const memory = watchMemory(client.pid)
    const noise = loopDelay ? monitorEventLoopDelay({ resolution: 1 }) : undefined
    noise?.enable()
    // A seed of libtorrent's sends slowly until its rate meter, once a second, has seen a new peer: up to a second, by
    // chance. Each client meets it at each `phase`.
    await setTimeout(1000 * phase)
    await client.request({ cmd: 'connect', peers: far?.peers ?? swarm.peers })
    const finished = await client.event('finished', { timeout: RUN_LIMIT })
    noise?.disable()
    const { peak, added, addedAnonymous } = memory()
    const { first: connected, count } = swarm.connections()
    await written(client)
    await client.stop()
    if (compare && !workspace.matches(target))
      throw new Error(`${name}: downloaded bytes differ from the original`)
    return {
      ...rates(workspace.bytes, finished.at - connected, finished.cpu - before.cpu),
      startupCpu: startup,
      peakMemory: peak,
      memoryAdded: added,
      anonymousAdded: addedAnonymous,
      connections: count,
      ...(finished.loop === undefined
        ? {}
        : { loopDelay: finished.loop, loopCpu: finished.loopCpu, loopNoise: noise.max / 1e6 }),
    }
  } finally {
    await client?.stop()
    await far?.stop()
    await swarm.stop()
    workspace.target()
  }
}

/** A libtorrent peer downloads from the client; the clock is the libtorrent peer's, the CPU and memory the client's. */
async function seed(name, workspace, setup) {
  const { compare, nodeArguments } = setup
  const torrent = await workspace.torrent(MIB)
  const target = workspace.target()
  workspace.warm()
  let client
  let leech
  try {
    client = await startClient(name, { nodeArguments, ...linkOf(setup) })
    await client.request({ cmd: 'add', torrent, dir: workspace.data, resumed: true })
    await client.event('finished', { timeout: RUN_LIMIT })
    leech = await startClient('libtorrent', linkOf(setup))
    await leech.request({ cmd: 'add', torrent, dir: target })
    await leech.event('checked')
    const before = await client.request({ cmd: 'usage' })
    const memory = watchMemory(client.pid)
    await leech.request({ cmd: 'connect', peers: [`127.0.0.1:${client.ready.port}`] })
    const connected = await leech.event('connected')
    const finished = await leech.event('finished', { timeout: RUN_LIMIT })
    const after = await client.request({ cmd: 'usage' })
    const { peak, added, addedAnonymous } = memory()
    await written(leech)
    await leech.stop()
    if (compare && !workspace.matches(target))
      throw new Error(`${name}: uploaded bytes differ from the original`)
    return {
      ...rates(workspace.bytes, finished.at - connected.at, after.cpu - before.cpu),
      startupCpu: client.ready.cpu,
      peakMemory: peak,
      memoryAdded: added,
      anonymousAdded: addedAnonymous,
    }
  } finally {
    await client?.stop()
    await leech?.stop()
    workspace.target()
  }
}

/** From the command that adds the torrent to "all pieces are there". */
async function check(name, workspace, { nodeArguments }) {
  const torrent = await workspace.torrent(MIB)
  const client = await startClient(name, { nodeArguments })
  try {
    const before = await client.request({ cmd: 'usage' })
    const memory = watchMemory(client.pid)
    const { at } = await client.request({ cmd: 'add', torrent, dir: workspace.data }, { timeout: RUN_LIMIT })
    const checked = await client.event('checked', { timeout: RUN_LIMIT })
    const finished = await client.event('finished', { timeout: RUN_LIMIT })
    const after = await client.request({ cmd: 'usage' })
    const { peak, added, addedAnonymous } = memory()
    return {
      ...rates(workspace.bytes, Math.min(checked.at, finished.at) - at, after.cpu - before.cpu),
      startupCpu: client.ready.cpu,
      peakMemory: peak,
      memoryAdded: added,
      anonymousAdded: addedAnonymous,
    }
  } finally {
    await client.stop()
  }
}

/**
 * With its defaults (`buffers: false`) libtorrent loses what comes while it waits for a core, and is slower than it
 * need be; ours asks for as much.
 */
const SOCKET_BUFFERS = { recv_socket_buffer_size: 4 * MIB, send_socket_buffer_size: 4 * MIB }

/**
 * What makes every driver take and make connections over RC4 only, or by uTP only; nothing where the setup says
 * nothing.
 */
function linkOf({ encryption, utp, buffers = true }) {
  const policy = { incoming: 'required', outgoing: 'required', methods: encryption }
  return {
    ...(encryption === undefined ? {} : { encryption }),
    ...(utp ? { transport: 'utp', ...(buffers ? { settings: SOCKET_BUFFERS } : {}) } : {}),
    session: { ...(encryption === undefined ? {} : { encryption: policy }), ...(utp ? { tcp: false } : {}) },
  }
}

/** libtorrent finishes before it has written all; that time is not counted against it. */
async function written(client) {
  if (client.name !== 'libtorrent') return
  await client.request({ cmd: 'flush' })
  await client.event('flushed', { timeout: RUN_LIMIT })
}

function rates(bytes, ms, cpu) {
  return { rate: bytes / MIB / (ms / 1000), seconds: ms / 1000, cpuPerGib: cpu / (bytes / (1024 * MIB)) }
}
