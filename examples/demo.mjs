// @ts-check
// The whole library in under a minute, on this machine alone: a tracker, two seeders, one downloader.
// Run: npm run demo

import { randomFillSync } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Presets, SingleBar } from 'cli-progress'
import { createTorrent, parseMetainfo, Session } from 'rarest'
import { TrackerServer } from 'rarest/tracker'

const MIB = 1024 * 1024
const LIMIT = 50_000
const FILES = { 'film.bin': 192 * MIB, 'photos/one.bin': 3 * MIB + 1, 'photos/empty.bin': 0 }

const folder = await mkdtemp(join(tmpdir(), 'rarest-demo-'))
const source = join(folder, 'source')
const copy = join(folder, 'copy')
const tracker = new TrackerServer({ host: '127.0.0.1', port: 0 })
/** @type {Session[]} */
const sessions = []

try {
  const { httpUrl, udpUrl } = await tracker.listen()
  say('tracker', `${httpUrl} and ${udpUrl}`)

  await mkdir(join(source, 'sample', 'photos'), { recursive: true })
  for (const [name, size] of Object.entries(FILES)) {
    await writeFile(join(source, 'sample', name), randomFillSync(Buffer.allocUnsafe(size)))
  }
  const bytes = await createTorrent(join(source, 'sample'), {
    trackers: [String(httpUrl), String(udpUrl)],
  })
  const { name, size, pieceCount, pieceLength } = parseMetainfo(bytes)
  say('torrent', `${name}: ${mib(size)}, ${pieceCount} pieces of ${pieceLength / 1024} KiB`)

  for (const number of [1, 2]) {
    const seeder = open(source)
    const seed = await seeder.add(bytes)
    await seed.done
    say(
      `seeder ${number}`,
      `listens on port ${await seeder.ready}, verified ${seed.stats.verifiedPieces} pieces`,
    )
  }

  const torrent = await open(copy).add(bytes)
  let firstPeer = 0
  torrent.once('peer', () => {
    firstPeer = performance.now()
  })
  // Two seeds have nothing to say to each other: when all is there they part.
  const given = new Map()
  torrent.on('piece', () => {
    for (const { address, client, downloaded } of torrent.peers) given.set(address, { client, downloaded })
  })
  const stopShowing = show(torrent)
  await within(LIMIT, torrent.done)
  const seconds = (performance.now() - firstPeer) / 1000
  stopShowing()

  for (const [address, { client, downloaded }] of given) {
    say('from', `${address} (${client}): ${mib(downloaded)}`)
  }
  const { verifiedPieces, wasted } = torrent.stats
  say('done', `${verifiedPieces} of ${pieceCount} pieces verified by SHA-1, ${wasted} bytes wasted`)
  const rate = mib(size / seconds)
  say('rate', `${rate}/s over ${seconds.toFixed(2)} s, both ends and the tracker in one process`)

  await Promise.all(sessions.splice(0).map((session) => session.close()))
  for (const file of Object.keys(FILES)) {
    const [there, here] = await Promise.all(
      [source, copy].map((root) => readFile(join(root, 'sample', file))),
    )
    if (!there?.equals(/** @type {Buffer} */ (here))) throw new Error(`${file} is not what was seeded`)
  }
  say('compared', 'the copy on disk is what was seeded, byte for byte')
} catch (error) {
  console.error(`the demo failed: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  await Promise.all(sessions.map((session) => session.close()))
  await tracker.close()
  await rm(folder, { recursive: true, force: true })
}

/** @param {string} path where its torrents are */
function open(path) {
  const session = new Session({ host: '127.0.0.1', path })
  session.on('warning', ({ code, message }) => console.error(`warning: ${message} (${code})`))
  sessions.push(session)
  return session
}

/**
 * @param {string} what
 * @param {string} text
 */
function say(what, text) {
  console.log(`${what.padEnd(12)} ${text}`)
}

/** @param {number} bytes */
function mib(bytes) {
  return `${(bytes / MIB).toFixed(1)} MiB`
}

/**
 * A bar on a terminal, a line every quarter of a second elsewhere. Returns how to end it.
 * @param {import('rarest').Torrent} torrent
 */
function show(torrent) {
  const { size } = torrent.stats
  const isTerminal = process.stdout.isTTY && process.env.TERM !== 'dumb'
  const bar = new SingleBar(
    { format: 'downloading  {bar} {percentage}%  {rate}/s  {peers} peers', stream: process.stdout },
    Presets.shades_classic,
  )
  const draw = () => {
    const { verified, downloadRate, peers } = torrent.stats
    const rate = mib(downloadRate)
    if (isTerminal) bar.update(verified, { rate, peers })
    else say('downloading', `${mib(verified)} of ${mib(size)}, ${rate}/s, ${peers} peers`)
  }
  if (isTerminal) bar.start(size, 0, { rate: mib(0), peers: 0 })
  const timer = setInterval(draw, isTerminal ? 100 : 250)
  return () => {
    clearInterval(timer)
    draw()
    bar.stop()
  }
}

/**
 * @template T
 * @param {number} ms
 * @param {Promise<T>} work
 */
async function within(ms, work) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${ms / 1000} s`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
