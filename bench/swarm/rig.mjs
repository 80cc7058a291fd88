/**
 * What every swarm benchmark stands on: the clients as processes, libtorrent seeds, the data on tmpfs, and the
 * readings of a process (CPU, memory).
 */
import { spawnSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { JsonChild } from '../../test/interop/rigs/child.mjs'

const LIBTORRENT_DRIVER = fileURLToPath(
  new URL('../../test/interop/rigs/libtorrent-driver.py', import.meta.url),
)
const FAR = fileURLToPath(new URL('../../test/interop/rigs/far.mjs', import.meta.url))
const HERE = fileURLToPath(new URL('.', import.meta.url))
const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))
const MIB = 1 << 20

/** A folder on tmpfs with one random file, one torrent per piece length, and room for downloads. */
export class Workspace {
  #torrents = new Map()

  constructor(bytes) {
    this.bytes = bytes
    this.root = mkdtempSync('/dev/shm/rarest-bench-')
    process.once('exit', () => this.remove())
    process.once('SIGINT', () => process.exit(130))
    process.once('SIGTERM', () => process.exit(143))
    this.data = `${this.root}/data`
    this.name = 'random.bin'
    mkdirSync(this.data)
    writeRandom(`${this.data}/${this.name}`, bytes)
  }

  /** The torrent of the data in pieces of this length, of version 1, 2 or hybrid; made by libtorrent, once. */
  async torrent(pieceLength, version = '1') {
    const key = `${pieceLength}-v${version}`
    let torrent = this.#torrents.get(key)
    if (torrent === undefined) {
      torrent = `${this.root}/${key}.torrent`
      const maker = await startLibtorrent()
      await maker.request(
        { cmd: 'create', path: `${this.data}/${this.name}`, out: torrent, pieceLength, version },
        { timeout: 120_000 },
      )
      await maker.stop()
      this.#torrents.set(key, torrent)
    }
    return torrent
  }

  /** An empty folder for one download. */
  target() {
    rmSync(`${this.root}/target`, { recursive: true, force: true })
    mkdirSync(`${this.root}/target`)
    return `${this.root}/target`
  }

  /**
   * Touches as much tmpfs memory as a download will take and gives it back. A virtual machine may back its
   * memory only on the first touch; without this the first client in a run pays for all (measured: 168 against
   * 490 MiB/s for the same client).
   */
  warm() {
    const file = `${this.root}/warm`
    const chunk = Buffer.alloc(MIB, 1)
    const fd = openSync(file, 'w')
    for (let left = this.bytes * 1.25; left > 0; left -= MIB) writeSync(fd, chunk)
    closeSync(fd)
    rmSync(file)
  }

  /** Whether the downloaded file equals the data. */
  matches(target) {
    return spawnSync('cmp', ['-s', `${target}/${this.name}`, `${this.data}/${this.name}`]).status === 0
  }

  remove() {
    rmSync(this.root, { recursive: true, force: true })
  }
}

/**
 * A copy of our build as it is now, so that a build in the middle of a run changes nothing. Returns the URL of its
 * entry.
 */
let build
function frozenBuild() {
  if (build === undefined) {
    const root = mkdtempSync(`${tmpdir()}/rarest-build-`)
    process.once('exit', () => rmSync(root, { recursive: true, force: true }))
    cpSync(`${REPOSITORY}dist`, `${root}/dist`, { recursive: true })
    // For its "imports" and its dependencies.
    cpSync(`${REPOSITORY}package.json`, `${root}/package.json`)
    symlinkSync(`${REPOSITORY}node_modules`, `${root}/node_modules`)
    build = pathToFileURL(`${root}/dist/index.js`).href
  }
  return build
}

/** Each measured client: how its process starts. Both kinds of driver speak the same commands and events. */
const START = {
  rarest: (options) => startNode('rarest', 'rarest-client.mjs', { build: frozenBuild(), ...options }),
  webtorrent: (options) => startNode('webtorrent', 'webtorrent-client.mjs', options),
  libtorrent: (options) => startLibtorrent(options),
}

export const CLIENTS = Object.keys(START)

export function startClient(name, options = {}) {
  return START[name](options)
}

function startNode(name, script, { nodeArguments = [], ...options }) {
  return ready(
    new JsonChild(name, process.execPath, [...nodeArguments, `${HERE}${script}`, JSON.stringify(options)]),
  )
}

function startLibtorrent(options = {}) {
  return ready(new JsonChild('libtorrent', '/usr/bin/python3', [LIBTORRENT_DRIVER, JSON.stringify(options)]))
}

async function ready(child) {
  try {
    child.ready = await child.event('ready')
    return child
  } catch (error) {
    await child.stop()
    throw error
  }
}

/**
 * What a libtorrent seed has done with its data before the first peer comes. `resumed`: it was told that it has
 * all, as a client is that was started again. `lazy`: seed mode, each piece is hashed when it is first asked for.
 * `checked`: it has hashed all of it a moment ago, so its pages are mapped.
 */
const SEED_STATES = {
  resumed: { resumed: true },
  lazy: { seedMode: true },
  checked: {},
}

/**
 * `count` seeds that only upload: one libtorrent process up to 10, else two that share the addresses
 * 127.0.1.x and 127.0.2.x, each address with a libtorrent session of its own. `state`: how they came to have the
 * data, see SEED_STATES.
 */
export async function startSeeds(torrent, data, count, state = 'resumed', link = {}) {
  const processes = []
  try {
    const perProcess = count > 10 ? [Math.ceil(count / 2), Math.floor(count / 2)] : [count]
    for (const [index, addresses] of perProcess.entries()) {
      const listen = Array.from({ length: addresses }, (_, i) => `127.0.${index + 1}.${i + 1}`)
      const seed = await startLibtorrent({ listen, ...link })
      processes.push(seed)
      await seed.request({ cmd: 'add', torrent, dir: data, ...SEED_STATES[state] })
      for (let ready = 0; ready < addresses; ready++) await seed.event('finished')
    }
  } catch (error) {
    for (const seed of processes) await seed.stop()
    throw error
  }
  return {
    peers: processes.flatMap((seed) => seed.ready.listening),
    /** When the first connection was accepted, CLOCK_MONOTONIC ms, and how many were so far. */
    connections() {
      const times = processes.flatMap(({ events }) =>
        events.filter(({ event }) => event === 'incoming').map(({ at }) => at),
      )
      return { first: Math.min(...times), count: times.length }
    },
    stop: () => Promise.all(processes.map((seed) => seed.stop())),
  }
}

/** A long way for datagrams to each target, `delay` ms each way: a process to stop, and the `peers` it stands for. */
export async function startFar(targets, delay) {
  const far = await ready(new JsonChild('far', process.execPath, [FAR, JSON.stringify({ targets, delay })]))
  return { peers: far.ready.listening, stop: () => far.stop() }
}

/** Memory of a process now, bytes. `anonymous` leaves out mapped files (libtorrent maps what it downloads). */
export function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1')
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
  return { resident: field('VmRSS'), peak: field('VmHWM'), anonymous: field('RssAnon') }
}

/** Watches a process's memory from now on: the kernel's own high-water mark, reset here, and samples of anonymous memory. */
export function watchMemory(pid) {
  const before = memoryOf(pid)
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
  let anonymous = before.anonymous
  const sampler = setInterval(() => {
    try {
      anonymous = Math.max(anonymous, memoryOf(pid).anonymous)
    } catch {
      // The process died; its waiter says so.
      clearInterval(sampler)
    }
  }, 50)
  return () => {
    clearInterval(sampler)
    const after = memoryOf(pid)
    return {
      peak: after.peak,
      added: after.peak - before.resident,
      addedAnonymous: Math.max(anonymous, after.anonymous) - before.anonymous,
    }
  }
}

function writeRandom(path, bytes) {
  const chunk = Buffer.alloc(4 * MIB)
  const fd = openSync(path, 'w')
  for (let left = bytes; left > 0; left -= chunk.length) {
    randomFillSync(chunk)
    writeSync(fd, chunk, 0, Math.min(left, chunk.length))
  }
  closeSync(fd)
}
