/**
 * Creating a hybrid torrent of one large file, beside libtorrent doing the same, and beside what the two hash
 * functions allow when each core does nothing else.
 *
 *   npm run build && node bench/create.mjs [--size <MiB>] [--piece-length <KiB>] [--rounds <n>]
 *
 * The file is written once and stays in the page cache, so that no disk is measured. Every run is a process of its
 * own; peak memory is its largest resident set.
 */
import { spawnSync } from 'node:child_process'
import { randomFillSync } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '4096' },
    'piece-length': { type: 'string', default: '2048' },
    rounds: { type: 'string', default: '3' },
  },
})
const mib = Number(values.size)
const pieceLength = Number(values['piece-length']) * 1024
const library = new URL('../dist/index.js', import.meta.url).href

const ours = `
  const { createTorrent, parseMetainfo } = await import(${JSON.stringify(library)})
  const start = performance.now()
  const bytes = await createTorrent(process.argv[1], { pieceLength: ${pieceLength}, createdBy: '', version: 'hybrid' })
  const seconds = (performance.now() - start) / 1000
  const hash = Buffer.from(parseMetainfo(bytes).infoHashV2).toString('hex')
  console.log(JSON.stringify({ seconds, hash, peak: process.resourceUsage().maxRSS }))
`
const theirs = `
import json, os, resource, sys, time
import libtorrent as lt
path = sys.argv[1]
fs = lt.file_storage()
lt.add_files(fs, path)
start = time.monotonic()
torrent = lt.create_torrent(fs, ${pieceLength})
lt.set_piece_hashes(torrent, os.path.dirname(path))
data = lt.bencode(torrent.generate())
seconds = time.monotonic() - start
hash = str(lt.torrent_info(lt.bdecode(data)).info_hashes().v2)
print(json.dumps({'seconds': seconds, 'hash': hash, 'peak': resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
`
const folder = mkdtempSync(join(tmpdir(), 'rarest-bench-'))
try {
  const path = join(folder, 'data.bin')
  const file = openSync(path, 'w')
  const chunk = new Uint8Array(1024 * 1024)
  for (let i = 0; i < mib; i++) writeSync(file, randomFillSync(chunk))
  closeSync(file)
  const rounds = Array.from({ length: Number(values.rounds) }, () => ({
    rarest: run(process.execPath, ['--input-type=module', '-e', ours, path]),
    libtorrent: run('/usr/bin/python3', ['-c', theirs, path]),
    bound: hashBound(),
  }))
  const rate = (seconds) => mib / seconds
  const best = (read) => Math.max(...rounds.map(read))
  const us = best(({ rarest }) => rate(rarest.seconds))
  const them = best(({ libtorrent }) => rate(libtorrent.seconds))
  const limit = best(({ bound: most }) => most)
  for (const { rarest, libtorrent } of rounds) {
    if (rarest.hash !== libtorrent.hash) throw new Error('the infohashes differ')
  }
  console.log(`hybrid of ${mib} MiB, pieces of ${pieceLength / 1024} KiB, best of ${rounds.length}`)
  console.log(`rarest      ${us.toFixed(0)} MiB/s, peak ${peak(({ rarest }) => rarest.peak)} MiB`)
  console.log(`libtorrent  ${them.toFixed(0)} MiB/s, peak ${peak(({ libtorrent }) => libtorrent.peak)} MiB`)
  console.log(`both hashes ${limit.toFixed(0)} MiB/s on ${availableParallelism()} cores`)
  console.log(`${(us / them).toFixed(2)} x libtorrent, ${(us / limit).toFixed(2)} of what the hashes allow`)

  function peak(read) {
    return Math.round(Math.max(...rounds.map(read)) / 1024)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`)
  return JSON.parse(stdout)
}

/** MiB/s of both hashes over the same MiB of memory, a process on each core at once. */
function hashBound() {
  const script = fileURLToPath(new URL('./create-bound.mjs', import.meta.url))
  return run(process.execPath, [script]).rate
}
