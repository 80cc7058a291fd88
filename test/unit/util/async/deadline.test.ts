import { describe, expect, it } from 'vitest'
import { type Settle, withDeadline } from '../../../../src/util/async/deadline.js'

/** Timers that a test fires by hand. */
class ManualClock {
  readonly pending = new Set<{ ms: number; call: () => void }>()

  setTimer(ms: number, call: () => void): { cancel(): void } {
    const timer = { ms, call }
    this.pending.add(timer)
    return { cancel: () => this.pending.delete(timer) }
  }

  fire(): void {
    for (const timer of [...this.pending]) {
      this.pending.delete(timer)
      timer.call()
    }
  }
}

function begin(options: { timeout?: number; signal?: AbortSignal } = {}) {
  const clock = new ManualClock()
  const cleanups: unknown[] = []
  let settle!: Settle<string>
  const promise = withDeadline<string>({ clock, late: () => new Error('late'), ...options }, (given) => {
    settle = given
    return (failure) => cleanups.push(failure?.error)
  })
  promise.catch(() => {})
  return { clock, cleanups, settle, promise }
}

describe('withDeadline', () => {
  it('resolves as the work does, cleans up once and leaves no timer', async () => {
    const { clock, cleanups, settle, promise } = begin({ timeout: 50 })
    expect([...clock.pending].map(({ ms }) => ms)).toEqual([50])
    settle.resolve('done')
    settle.reject(new Error('too late to fail'))
    expect(await promise).toBe('done')
    expect(cleanups).toEqual([undefined])
    expect(clock.pending.size).toBe(0)
  })

  it('rejects as the work does', async () => {
    const { clock, cleanups, settle, promise } = begin({ timeout: 50 })
    const error = new Error('broken')
    settle.reject(error)
    await expect(promise).rejects.toBe(error)
    expect(cleanups).toEqual([error])
    expect(clock.pending.size).toBe(0)
  })

  it('gives up when the time is over', async () => {
    const { clock, cleanups, settle, promise } = begin({ timeout: 50 })
    clock.fire()
    settle.resolve('too late')
    await expect(promise).rejects.toThrow('late')
    expect(cleanups).toHaveLength(1)
  })

  it('gives up when the signal aborts, with its reason', async () => {
    const abort = new AbortController()
    const { clock, cleanups, promise } = begin({ timeout: 50, signal: abort.signal })
    const reason = new Error('changed our mind')
    abort.abort(reason)
    await expect(promise).rejects.toBe(reason)
    expect(cleanups).toEqual([reason])
    expect(clock.pending.size).toBe(0)
  })

  it('does not listen to the signal afterwards', async () => {
    const abort = new AbortController()
    const { cleanups, settle, promise } = begin({ signal: abort.signal })
    settle.resolve('done')
    abort.abort(new Error('after the end'))
    expect(await promise).toBe('done')
    expect(cleanups).toEqual([undefined])
  })

  it('starts nothing when the signal has aborted before', async () => {
    const reason = new Error('before')
    let started = false
    const promise = withDeadline({ clock: new ManualClock(), signal: AbortSignal.abort(reason) }, () => {
      started = true
      return undefined
    })
    await expect(promise).rejects.toBe(reason)
    expect(started).toBe(false)
  })

  it('rejects with what the start throws', async () => {
    const clock = new ManualClock()
    const error = new Error('cannot even begin')
    const promise = withDeadline({ clock, timeout: 5 }, () => {
      throw error
    })
    await expect(promise).rejects.toBe(error)
    expect(clock.pending.size).toBe(0)
  })

  it('cleans up after work that settles while it starts', async () => {
    const cleanups: unknown[] = []
    const promise = withDeadline<number>({ clock: new ManualClock(), timeout: 5 }, ({ resolve }) => {
      resolve(7)
      return (failure) => cleanups.push(failure)
    })
    expect(await promise).toBe(7)
    expect(cleanups).toEqual([undefined])
  })

  it('needs no timer without a limit', () => {
    expect(begin().clock.pending.size).toBe(0)
    expect(begin({ timeout: Number.POSITIVE_INFINITY }).clock.pending.size).toBe(0)
  })
})
