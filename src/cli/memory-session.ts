/**
 * A session that keeps nothing on the disk and takes no connections: for commands that look at one thing.
 * @module
 */

import { MemoryStorage } from '../entry/storage.js'
import type { Torrent } from '../index.js'
import { type Interruption, interruption } from './interrupt.js'
import { openSession, type SessionFlags } from './open-session.js'
import { addTorrent } from './source.js'

export interface MemorySessionOptions
  extends Pick<SessionFlags, 'encryption' | 'dht' | 'bootstrap' | 'dhtState'> {
  readonly peer?: string[]
}

/** Adds a torrent of which nothing is wanted, does `work`, and closes. `message` says what it means to stop before. */
export async function withTorrentInMemory(
  source: string,
  options: MemorySessionOptions,
  message: string,
  work: (torrent: Torrent, interrupt: Interruption) => Promise<void>,
): Promise<void> {
  const interrupt = interruption(message)
  const { peer: peers = [] } = options
  const opened = await openSession(options, { listen: false, storage: () => new MemoryStorage() })
  try {
    const { signal } = interrupt
    await work(await addTorrent(opened.session, source, { peers, select: [], signal }), interrupt)
  } finally {
    await opened.close().finally(() => interrupt.release())
  }
}
