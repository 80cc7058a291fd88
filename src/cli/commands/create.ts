/**
 * `rarest create`: makes a .torrent file.
 * @module
 */

import { access, constants, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { parseMetainfo } from '../../entry/metainfo.js'
import { createTorrent } from '../../index.js'
import { collect, positive } from '../arguments.js'
import { interruption } from '../interrupt.js'
import { bytes, codeOf, Failure, hex, printJson, printLine, sentence } from '../output.js'

interface CreateOptions {
  readonly output?: string
  readonly announce?: string[]
  readonly pieceLength?: number
  readonly version: '1' | '2' | 'hybrid'
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
    .option('-o, --output <file>', 'where to write it, replacing what is there; <name>.torrent by default')
    .option('--announce <url>', 'tracker, repeatable: each is a tier of its own', collect)
    .option(
      '--piece-length <n>',
      'bytes per piece, a power of two from 16384; chosen by size by default',
      positive,
    )
    .addOption(
      new Option('--version <v>', 'format: BitTorrent v1, v2 or both in one')
        .choices(['1', '2', 'hybrid'])
        .default('1'),
    )
    .option('--private', 'only the trackers of the torrent may be used to find peers')
    .option('--comment <text>', 'free text')
    .option('--source <text>', 'tag inside the info dictionary: changes the infohash')
    .option('--web-seed <url>', 'HTTP source of the data, repeatable', collect)
    .option('--json', 'print a JSON object')
    .action(create)
}

async function create(path: string, options: CreateOptions): Promise<void> {
  const output = await outputFor(path, options.output)
  const interrupt = interruption('stopped before the torrent was made')
  const isShown = process.stderr.isTTY && !options.json
  try {
    const torrent = await createTorrent(path, {
      trackers: options.announce ?? [],
      creationDate: Math.floor(Date.now() / 1000),
      private: options.private === true,
      webSeeds: options.webSeed ?? [],
      pieceLength: options.pieceLength,
      version: options.version,
      comment: options.comment,
      source: options.source,
      signal: interrupt.signal,
      ...(isShown
        ? { onProgress: ({ hashed, size }) => process.stderr.write(`\r${bytes(hashed)} of ${bytes(size)}`) }
        : {}),
    }).finally(() => {
      if (isShown) process.stderr.write('\r\u001b[K')
    })
    await writeFile(output, torrent, { flag: options.output === undefined ? 'wx' : 'w' })
    say(output, torrent, options.json === true)
  } catch (error) {
    throw inOptions(error)
  } finally {
    interrupt.release()
  }
}

const OPTIONS: Readonly<Record<string, string>> = {
  trackers: '--announce',
  pieceLength: '--piece-length',
  webSeeds: '--web-seed',
}

/** An error about an option of the library, with the name that it has on the command line. */
function inOptions(error: unknown): unknown {
  if (codeOf(error) !== 'cli/usage') return error
  return new Failure(
    'cli/usage',
    sentence(error).replace(/^\w+/, (name) => OPTIONS[name] ?? name),
    2,
  )
}

/**
 * Where the torrent goes. What is wrong with that is said before hours of hashing: a missing folder, and a
 * file that the user did not name and may not want to lose.
 */
async function outputFor(path: string, given: string | undefined): Promise<string> {
  const output = given ?? `${basename(resolve(path)) || 'root'}.torrent`
  const folder = dirname(output)
  const [above, there] = await Promise.all([status(folder), status(output)])
  if (!above?.isDirectory()) throw new Failure('ENOENT', `${folder}: there is no such folder to write to`)
  if (there?.isDirectory()) throw new Failure('EISDIR', `${output} is a folder, not a file to write`)
  if (there && given === undefined) {
    throw new Failure('EEXIST', `${output} exists already: replace it with -o, or write elsewhere`)
  }
  await access(there ? output : folder, constants.W_OK)
  return output
}

function status(path: string): Promise<{ isDirectory(): boolean } | undefined> {
  return stat(path).catch(() => undefined)
}

function say(output: string, torrent: Uint8Array, json: boolean): void {
  const { name, version, size, pieceLength, pieceCount, ...hashes } = parseMetainfo(torrent, {
    pieceLayers: 'trusted',
  })
  const infoHash = hex(hashes.infoHash)
  const infoHashV2 = hex(hashes.infoHashV2)
  if (json) {
    printJson({ output, name, infoHash, infoHashV2, version, size, pieceLength, pieceCount })
    return
  }
  const pieces = `${pieceCount} pieces of ${bytes(pieceLength)}`
  printLine(`${output}: ${name}, ${bytes(size)} in ${pieces}, ${infoHash ?? infoHashV2}`)
}
