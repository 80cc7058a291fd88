/**
 * Ctrl-C: the first one asks a command to stop cleanly, the second one ends it at once. A reader of
 * stdout that goes away (`rarest download ... | head`) asks for the same.
 * @module
 */

import { constants } from 'node:os'
import { Failure, onReaderGone } from './output.js'

export interface Interruption {
  /** Resolves when the command is asked to stop. */
  readonly asked: Promise<void>
  /** For calls that take a signal; its reason is a {@link Failure} with the exit code. */
  readonly signal: AbortSignal
  /** What `work` gives, or a rejection with the signal's reason when asked to stop first. */
  unless<T>(work: Promise<T>): Promise<T>
  /** Stops listening: the next Ctrl-C ends the process. */
  release(): void
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Listens for SIGINT, SIGTERM, SIGHUP and a closed stdout. `message` says what it means to stop now. */
export function interruption(message: string): Interruption {
  const abort = new AbortController()
  const asked = new Promise<void>((resolve) => {
    abort.signal.addEventListener('abort', () => resolve(), { once: true })
  })
  const rejected = asked.then<never>(() => {
    throw abort.signal.reason
  })
  rejected.catch(() => {})
  const listener = (name: NodeJS.Signals): void => {
    const exitCode = 128 + constants.signals[name]
    if (abort.signal.aborted) process.exit(exitCode)
    if (process.stderr.isTTY)
      process.stderr.write('\r\u001b[Kstopping; once more to quit without saying goodbye\n')
    abort.abort(new Failure('cli/interrupted', message, exitCode))
  }
  for (const name of SIGNALS) process.on(name, listener)
  const unsubscribe = onReaderGone(() =>
    abort.abort(new Failure('EPIPE', 'the output is not read any more', 128 + constants.signals.SIGPIPE)),
  )
  return {
    asked,
    signal: abort.signal,
    unless: (work) => Promise.race([work, rejected]),
    release() {
      unsubscribe()
      for (const name of SIGNALS) process.off(name, listener)
    },
  }
}
