/**
 * Files of secret keys: the 32-byte seed of an Ed25519 key as 64 hex digits.
 * @module
 */

import { readFile, writeFile } from 'node:fs/promises'
import { systemWorld } from '../entry/tracker.js'
import { Failure } from './output.js'

/** The key of a file, which is made, readable by its owner alone, when it is missing. */
export async function loadKey(file: string): Promise<Uint8Array> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) {
    const seed = systemWorld().random.bytes(32)
    await writeFile(file, `${Buffer.from(seed).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
    return seed
  }
  if (!/^\s*[0-9a-f]{64}\s*$/i.test(text))
    throw new Failure('cli/bad-key', `${file} does not hold a key: 64 hex digits are expected`)
  return new Uint8Array(Buffer.from(text.trim(), 'hex'))
}
