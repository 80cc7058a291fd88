/**
 * Reads and writes .torrent files.
 * @module
 */

import { mkdir, open, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { RarestError } from '../../util/errors.js'

/** The bytes of a file of at most `maxBytes`. Rejects with the system's code, `EISDIR` for a folder, or `storage/too-large`. */
export async function readTorrentFile(path: string | URL, maxBytes: number): Promise<Uint8Array> {
  const handle = await open(path)
  try {
    const status = await handle.stat()
    if (status.isDirectory()) {
      throw new RarestError('EISDIR', `${String(path)} is a folder, not a torrent file`)
    }
    const { size } = status
    if (size > maxBytes) {
      throw new RarestError(
        'storage/too-large',
        `${String(path)} has ${size} bytes, more than the ${maxBytes} allowed`,
      )
    }
    return await handle.readFile()
  } finally {
    await handle.close()
  }
}

/** Writes a file whole or not at all, and the folders above it. Rejects with the system's code. */
export async function writeTorrentFile(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const unfinished = `${path}.part`
  await writeFile(unfinished, bytes)
  await rename(unfinished, path)
}
