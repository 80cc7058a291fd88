// The whole library in under a minute, on this machine alone: a tracker, two seeders, one downloader.
// Run it with `npm run demo`.

import { randomFillSync } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Presets, SingleBar } from 'cli-progress'
import { createTorrent, parseMetainfo, Session } from 'rarest'
import { TrackerServer } from 'rarest/tracker'

const MIB = 1024 * 1024
const folder = await mkdtemp(join(tmpdir(), 'rarest-demo-'))
const tracker = new TrackerServer({ host: '127.0.0.1', port: 0 })
const sessions = []

try {
  const { httpUrl, udpUrl } = await tracker.listen()
  console.log(`tracker      ${httpUrl} and ${udpUrl}`)

  const source = join(folder, 'source')
  await mkdir(join(source, 'sample', 'photos'), { recursive: true })
  await writeFile(join(source, 'sample', 'film.bin'), randomFillSync(Buffer.allocUnsafe(192 * MIB)))
  await writeFile(
    join(source, 'sample', 'photos', 'one.bin'),
    randomFillSync(Buffer.allocUnsafe(3 * MIB + 1)),
  )
  await writeFile(join(source, 'sample', 'readme.txt'), 'Made by the demo of rarest.\n')
  const bytes = await createTorrent(join(source, 'sample'), { announceList: [[httpUrl], [udpUrl]] })
  const { name, size, pieceCount, pieceLength } = parseMetainfo(bytes)
  console.log(
    `torrent      ${name}: ${(size / MIB).toFixed(1)} MiB, ${pieceCount} pieces of ${pieceLength / 1024} KiB`,
  )

  for (const number of [1, 2]) {
    const seeder = new Session({ host: '127.0.0.1', path: source })
    sessions.push(seeder)
    const seed = await seeder.add(bytes)
    await seed.ready
    console.log(
      `seeder ${number}     listens on port ${await seeder.ready}, verified ${seed.stats.verifiedPieces} pieces`,
    )
  }

  const downloader = new Session({ host: '127.0.0.1', path: join(folder, 'copy') })
  sessions.push(downloader)
  const torrent = await downloader.add(bytes)
  let firstPeer = 0
  torrent.once('peer', () => {
    firstPeer = performance.now()
  })
  const bar = new SingleBar(
    { format: 'downloading  {bar} {percentage}%  {rate} MiB/s  {peers} peers' },
    Presets.shades_classic,
  )
  bar.start(size, 0, { rate: '0', peers: 0 })
  const draw = () => {
    const { downloaded, downloadRate, peers } = torrent.stats
    bar.update(downloaded, { rate: (downloadRate / MIB).toFixed(0), peers })
  }
  const timer = setInterval(draw, 100)
  await torrent.done.finally(() => clearInterval(timer))
  const seconds = (performance.now() - firstPeer) / 1000
  draw()
  bar.stop()

  for (const { address, client, downloaded } of torrent.peers) {
    console.log(`from         ${address} (${client}): ${(downloaded / MIB).toFixed(1)} MiB`)
  }
  const { verifiedPieces, wasted } = torrent.stats
  console.log(
    `done         ${verifiedPieces} of ${pieceCount} pieces verified by SHA-1, ${wasted} bytes wasted`,
  )
  console.log(
    `rate         ${(size / MIB / seconds).toFixed(0)} MiB/s over ${seconds.toFixed(2)} s, both ends and the tracker in one process`,
  )
  const checker = new Session({ listen: false, path: join(folder, 'copy') })
  sessions.push(checker)
  const checked = await checker.add(bytes, { paused: true })
  await checked.ready
  const { pieces, verifiedPieces: right } = checked.stats
  console.log(`checked      ${right} of ${pieces} pieces on disk are right`)
  if (right !== pieces) throw new Error('the copy is not what was seeded')
} finally {
  await Promise.all(sessions.map((session) => session.close()))
  await tracker.close()
  await rm(folder, { recursive: true, force: true })
}
