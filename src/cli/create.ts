/**
 * `rarest create`: makes a .torrent file.
 * @module
 */

import { writeFile } from 'node:fs/promises'
import { basename, resolve } from 'node:path'
import { Command } from 'commander'
import { createTorrent, parseMetainfo, VERSION } from '../index.js'
import { bytes, collect, positive, printJson, printLine } from './output.js'

interface CreateOptions {
  readonly output?: string
  readonly announce?: string[]
  readonly pieceLength?: number
  readonly private?: boolean
  readonly comment?: string
  readonly source?: string
  readonly webSeed?: string[]
  readonly json?: boolean
}

export function createCommand(): Command {
  return new Command('create')
    .description('make a .torrent file of a file or folder')
    .argument('<path>', 'file or folder')
    .option('-o, --output <file>', 'where to write it; <name>.torrent by default')
    .option('--announce <url>', 'tracker, repeatable: each is a tier of its own', collect)
    .option('--piece-length <n>', 'bytes per piece; chosen by size by default', positive)
    .option('--private', 'only the trackers of the torrent may be used to find peers')
    .option('--comment <text>', 'free text')
    .option('--source <text>', 'tag inside the info dictionary: changes the infohash')
    .option('--web-seed <url>', 'HTTP source of the data, repeatable', collect)
    .option('--json', 'print a JSON object')
    .action(create)
}

async function create(path: string, options: CreateOptions): Promise<void> {
  const bar = process.stderr.isTTY && !options.json
  const torrent = await createTorrent(path, {
    announceList: (options.announce ?? []).map((url) => [url]),
    createdBy: `rarest/${VERSION}`,
    creationDate: Math.floor(Date.now() / 1000),
    private: options.private === true,
    webSeeds: options.webSeed ?? [],
    ...(options.pieceLength === undefined ? {} : { pieceLength: options.pieceLength }),
    ...(options.comment === undefined ? {} : { comment: options.comment }),
    ...(options.source === undefined ? {} : { source: options.source }),
    ...(bar
      ? { onProgress: ({ hashed, size }) => process.stderr.write(`\r${bytes(hashed)} of ${bytes(size)}`) }
      : {}),
  })
  if (bar) process.stderr.write('\r\u001b[K')
  const output = options.output ?? `${basename(resolve(path))}.torrent`
  await writeFile(output, torrent)
  const metainfo = parseMetainfo(torrent)
  const infoHash = Buffer.from(metainfo.infoHash ?? []).toString('hex')
  if (options.json) {
    const { name, size, pieceLength, pieceCount } = metainfo
    printJson({ output, name, infoHash, size, pieceLength, pieceCount })
  } else
    printLine(
      `${output}: ${metainfo.name}, ${bytes(metainfo.size)}, ${metainfo.pieceCount} pieces, ${infoHash}`,
    )
}
