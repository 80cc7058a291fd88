/**
 * Options about the DHT that several commands have, and the file that keeps what a node knows.
 * @module
 */

import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { Dht } from '../entry/dht.js'
import type { Session, SessionOptions } from '../index.js'
import { collectAddresses } from './arguments.js'

/** What {@link addDhtOptions} adds. */
export interface SessionDhtOptions {
  /** False with `--no-dht`. */
  readonly dht: boolean
  readonly bootstrap?: string[]
  readonly dhtState?: string
}

/** Adds `--no-dht`, `--bootstrap` and `--dht-state`. */
export function addDhtOptions(command: Command): Command {
  return command
    .option('--no-dht', 'take no part in the DHT')
    .option(
      '--bootstrap <host:port>',
      'DHT node to begin with instead of the usual ones, repeatable',
      collectAddresses,
    )
    .option('--dht-state <file>', 'keep what the DHT node knows in this file, and begin with it')
}

/** The options of a session for these; `dht` is left to its default when nothing was said. */
export async function sessionDht(options: SessionDhtOptions): Promise<Pick<SessionOptions, 'dht'>> {
  const { dht, bootstrap, dhtState } = options
  if (!dht) return { dht: false }
  if (bootstrap === undefined && dhtState === undefined) return {}
  const state = await readState(dhtState)
  return { dht: { ...(bootstrap && { bootstrap }), ...(state && { state }) } }
}

/** Keeps what the session's node knows where `--dht-state` says. Call it before the session closes. */
export async function keepState(session: Session, options: SessionDhtOptions): Promise<void> {
  if (session.dht && options.dhtState !== undefined) await writeState(options.dhtState, session.dht)
}

/** The bytes of a state file, or undefined when there is none yet. */
export async function readState(file: string | undefined): Promise<Uint8Array | undefined> {
  if (file === undefined) return undefined
  try {
    return await readFile(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Writes a state file, all or nothing; a node that has met no other has nothing to keep. */
export async function writeState(file: string, dht: Dht): Promise<void> {
  if (!dht.stats.some(({ nodes }) => nodes > 0)) return
  await writeFile(`${file}.new`, dht.state())
  await rename(`${file}.new`, file)
}
