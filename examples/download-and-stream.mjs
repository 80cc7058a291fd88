// @ts-check
// Downloads a torrent and meanwhile streams its largest file: what the reader needs next comes first.
// Run: node examples/download-and-stream.mjs <file.torrent> <folder> [peer host:port ...]

import { createHash } from 'node:crypto'
import { Session } from 'rarest'

const [source, path, ...peers] = process.argv.slice(2)
if (source === undefined || path === undefined) {
  throw new Error('usage: node examples/download-and-stream.mjs <file.torrent> <folder> [peer ...]')
}

const session = new Session({ path })
try {
  const torrent = await session.add(source, { peers })
  session.on('warning', ({ code, message }) => console.warn(`${code}: ${message}`))

  const [largest] = [...torrent.files].sort((a, b) => b.length - a.length)
  if (largest) {
    const hash = createHash('sha256')
    for await (const chunk of largest.stream()) hash.update(chunk)
    console.log(`${largest.path}: sha256 ${hash.digest('hex')}`)
  }

  await torrent.done
  const { verifiedPieces, pieces, downloaded } = torrent.stats
  console.log(`${verifiedPieces} of ${pieces} pieces, ${downloaded} bytes downloaded`)
} finally {
  await session.close()
}
