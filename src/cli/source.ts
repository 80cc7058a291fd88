/**
 * Reads what the user names on the command line, with errors that name it back.
 * @module
 */

import { access, constants, mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { isMagnet } from '../entry/metainfo.js'
import type { Session, Torrent } from '../index.js'
import { codeOf, Failure, sentence } from './output.js'

/** The bytes of a file, or of standard input for `-`. */
export async function readInput(path: string): Promise<Uint8Array> {
  if (path === '-') {
    const chunks: Buffer[] = []
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }
  if (isMagnet(path))
    throw new Failure(
      'cli/usage',
      'this needs a .torrent file: "rarest metadata" makes one of a magnet link',
      2,
    )
  try {
    return await readFile(path)
  } catch (error) {
    if (codeOf(error) === 'EISDIR') throw new Failure('EISDIR', `${path} is a folder, not a file`)
    throw error
  }
}

/** Does `parse`; an error about the bytes names the file that they are from. */
export function naming<T>(source: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw named(source, error)
  }
}

/** `session.add`, with errors that name the source. */
export async function addTorrent(
  session: Session,
  source: string,
  options: Parameters<Session['add']>[1],
): Promise<Torrent> {
  try {
    return await session.add(source, options)
  } catch (error) {
    throw named(source, error)
  }
}

/** Makes a folder, or says why nothing can be written there: now, not at the first piece. */
export async function makeWritable(folder: string): Promise<void> {
  try {
    await makeFolder(resolve(folder))
    await access(folder, constants.W_OK)
  } catch (error) {
    const why = codeOf(error) === 'EEXIST' ? 'it is not a folder' : sentence(error).replace(/^.*: /, '')
    throw new Failure(codeOf(error), `cannot write to ${folder}: ${why}`)
  }
}

/** Not by the recursive `mkdir` of Node, which never ends below `/proc`. */
async function makeFolder(folder: string): Promise<void> {
  const there = await stat(folder).catch(() => undefined)
  if (there?.isDirectory()) return
  if (!there && dirname(folder) !== folder) await makeFolder(dirname(folder))
  await mkdir(folder)
}

function named(source: string, error: unknown): unknown {
  const code = codeOf(error)
  if (!/^(bencode|metainfo|magnet)\//.test(code)) return error
  return new Failure(code, `${source === '-' ? 'standard input' : source}: ${sentence(error)}`)
}
