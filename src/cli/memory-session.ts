/**
 * A session that keeps nothing on the disk and takes no connections: for commands that look at one thing.
 * @module
 */

import { MemoryStorage } from '../entry/storage.js'
import { type EncryptionPolicy, Session, type Torrent } from '../index.js'
import { keepState, type SessionDhtOptions, sessionDht } from './dht-options.js'
import { type Interruption, interruption } from './interrupt.js'
import { addTorrent } from './source.js'

export interface MemorySessionOptions extends SessionDhtOptions {
  readonly peer?: string[]
  readonly encryption?: EncryptionPolicy
}

/** Adds a torrent of which nothing is wanted, does `work`, and closes. `message` says what it means to stop before. */
export async function withTorrentInMemory(
  source: string,
  options: MemorySessionOptions,
  message: string,
  work: (torrent: Torrent, interrupt: Interruption) => Promise<void>,
): Promise<void> {
  const interrupt = interruption(message)
  const { encryption, peer: peers = [] } = options
  const session = new Session({
    listen: false,
    storage: () => new MemoryStorage(),
    ...(encryption === undefined ? {} : { encryption }),
    ...(await sessionDht(options)),
  })
  try {
    const { signal } = interrupt
    await work(await addTorrent(session, source, { peers, select: [], signal }), interrupt)
  } finally {
    try {
      await keepState(session, options)
    } finally {
      await session.close()
      interrupt.release()
    }
  }
}
