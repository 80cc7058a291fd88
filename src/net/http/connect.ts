/**
 * One connection to a host with several addresses (RFC 8305).
 * @module
 */

import { withDeadline } from '../../util/async/deadline.js'
import { RarestError } from '../../util/errors.js'
import type { ByteStream, Timer, World } from '../world.js'

/** ms of silence before the next address is tried at the same time (RFC 8305, section 5). */
const ATTEMPT_DELAY = 250
/** Addresses tried: a name of a stranger may have thousands. */
const MAX_ATTEMPTS = 8

/**
 * Connects to the first of `hosts`, IPs in order of preference, that answers. Rejects with the error of the last
 * one, or `signal.reason`.
 */
export function connectToAny(
  world: World,
  hosts: readonly string[],
  port: number,
  {
    timeout,
    signal,
    localAddress,
  }: {
    readonly timeout: number
    readonly signal: AbortSignal
    readonly localAddress: string | undefined
  },
): Promise<ByteStream> {
  const candidates = hosts.slice(0, MAX_ATTEMPTS)
  return withDeadline<ByteStream>({ clock: world, signal }, ({ resolve, reject }) => {
    const losers = new AbortController()
    let tried = 0
    let open = 0
    let isOver = false
    let timer: Timer | undefined
    const tryNext = (): void => {
      timer?.cancel()
      const host = candidates[tried++]
      if (host === undefined) return
      open++
      world
        .connect(
          { host, port },
          { timeout, signal: losers.signal, ...(localAddress !== undefined && { localAddress }) },
        )
        .then(
          (stream) => {
            if (isOver) stream.destroy()
            else resolve(stream)
          },
          (error: unknown) => {
            open--
            if (isOver) return
            if (tried < candidates.length) tryNext()
            else if (open === 0) reject(error)
          },
        )
      if (tried < candidates.length) timer = world.setTimer(ATTEMPT_DELAY, tryNext)
    }
    tryNext()
    return () => {
      isOver = true
      timer?.cancel()
      losers.abort(new RarestError('ECONNABORTED', 'another address answered first'))
    }
  })
}
