/**
 * The session of a command: options that several commands have, warnings from the first moment on, and what
 * its DHT node knows kept in the end.
 * @module
 */

import { type EncryptionPolicy, Session, type SessionOptions, type Warning } from '../index.js'
import { keepState, type SessionDhtOptions, sessionDht } from './dht-options.js'

/** What the options of a command say of its session; none has all of them. */
export interface SessionFlags extends Partial<SessionDhtOptions> {
  readonly port?: number
  readonly host?: string
  readonly encryption?: EncryptionPolicy
  readonly utp?: boolean
  readonly tcp?: boolean
}

export interface CommandSession {
  readonly session: Session
  /** Keeps the state of the DHT where `--dht-state` says, and closes, also when that fails. */
  close(): Promise<void>
}

/**
 * Opens a session. `own` is what the command decides itself, and comes before its flags; `warn` hears all
 * warnings from the first moment, but for a port that cannot be listened on: `session.ready` rejects with it.
 */
export async function openSession(
  flags: SessionFlags,
  own: SessionOptions,
  warn: (warning: Warning) => void = () => {},
): Promise<CommandSession> {
  const { port, host, encryption, utp, tcp, dht, bootstrap, dhtState } = flags
  const node: SessionDhtOptions = {
    dht: dht ?? true,
    ...(bootstrap && { bootstrap }),
    ...(dhtState !== undefined && { dhtState }),
  }
  const session = new Session({
    ...(port !== undefined && { port }),
    ...(host !== undefined && { host }),
    ...(encryption !== undefined && { encryption }),
    ...(utp !== undefined && { utp }),
    ...(tcp !== undefined && { tcp }),
    ...(await sessionDht(node)),
    ...own,
  })
  session.on('warning', (warning) => {
    if (warning.code !== 'session/listen-failed') warn(warning)
  })
  return {
    session,
    async close() {
      try {
        await keepState(session, node)
      } finally {
        await session.close()
      }
    },
  }
}
