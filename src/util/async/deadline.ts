/**
 * Work that ends: by itself, by its time or by a signal, with nothing left behind in any case.
 * @module
 */

/** What timers come from; every `World` is one. */
export interface TimerSource {
  /** Calls once after `ms`. */
  setTimer(ms: number, call: () => void): { cancel(): void }
}

export interface DeadlineOptions {
  readonly clock: TimerSource
  /** ms until the work is given up. Default: none, only the signal and the work itself end it. */
  readonly timeout?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** The error when the time is over. */
  late?(): unknown
}

/** Settles the promise; what comes after the first call has no effect. */
export interface Settle<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

/** Called exactly once, before the promise settles; `error` is what it rejects with, absent when it resolves. */
export type Cleanup = (failure?: { readonly error: unknown }) => void

/**
 * Starts work that settles by callbacks. Rejects with `late()` after `timeout` ms, with `signal.reason` as
 * soon as the signal aborts (work does not even start after an abort), with what `start` throws, or as the
 * work does. Timer and listener are gone then, and the cleanup that `start` returned has run: it stops what
 * is still under way.
 */
export function withDeadline<T>(
  options: DeadlineOptions,
  start: (settle: Settle<T>) => Cleanup | undefined,
): Promise<T> {
  const { clock, timeout, signal } = options
  if (signal?.aborted) return Promise.reject(signal.reason)
  return new Promise<T>((resolve, reject) => {
    let outcome: { readonly failure?: { readonly error: unknown } } | undefined
    let cleanup: Cleanup | undefined
    const end = (failure?: { readonly error: unknown }): boolean => {
      if (outcome) return false
      outcome = failure ? { failure } : {}
      timer?.cancel()
      signal?.removeEventListener('abort', abort)
      cleanup?.(failure)
      return true
    }
    const settle: Settle<T> = {
      resolve(value) {
        if (end()) resolve(value)
      },
      reject(error) {
        if (end({ error })) reject(error)
      },
    }
    const abort = (): void => settle.reject(signal?.reason)
    const timer =
      timeout === undefined || timeout === Number.POSITIVE_INFINITY
        ? undefined
        : clock.setTimer(timeout, () =>
            settle.reject(options.late?.() ?? new Error(`not done in ${timeout} ms`)),
          )
    signal?.addEventListener('abort', abort, { once: true })
    try {
      cleanup = start(settle)
    } catch (error) {
      settle.reject(error)
      return
    }
    // It ended before it could say how to clean up.
    const ended = outcome as typeof outcome
    if (ended) cleanup?.(ended.failure)
  })
}
