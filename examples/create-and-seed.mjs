// @ts-check
// Makes a torrent of a file or folder, writes it next to it, and seeds it until Ctrl-C.
// Run: node examples/create-and-seed.mjs <path> [tracker url ...]

import { writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { createTorrent, Session } from 'rarest'

const [path, ...trackers] = process.argv.slice(2)
if (path === undefined) throw new Error('usage: node examples/create-and-seed.mjs <path> [tracker url ...]')

const bytes = await createTorrent(path, {
  trackers,
  onProgress: ({ hashed, size }) => {
    if (hashed === size) console.log(`hashed ${size} bytes`)
  },
})
await writeFile(`${resolve(path)}.torrent`, bytes)

const session = new Session({ path: dirname(resolve(path)) })
const torrent = await session.add(bytes)
await torrent.done
console.log(`seeding ${torrent.name} on port ${await session.ready}`)
console.log(torrent.magnet)

torrent.on('peer', (address) => console.log(`${address} came`))
session.on('warning', ({ code, message }) => console.warn(`${code}: ${message}`))

await new Promise((stop) => process.once('SIGINT', stop))
console.log(`sent ${torrent.stats.uploaded} bytes`)
await session.close()
