import { describe, expect, it } from 'vitest'
import { abortable, Deferred } from '../../../../src/util/async/deferred.js'
import { ReadWriteLock } from '../../../../src/util/async/rw-lock.js'
import { Semaphore } from '../../../../src/util/async/semaphore.js'

/** Lets everything go on that can. */
const turns = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('Deferred', () => {
  it('settles once, and tells whether it was resolved', async () => {
    const deferred = new Deferred<number>()
    expect(deferred.isResolved).toBe(false)
    deferred.resolve(1)
    deferred.resolve(2)
    deferred.reject(new Error('too late'))
    expect(deferred.isResolved).toBe(true)
    expect(await deferred.promise).toBe(1)
  })

  it('stays unresolved after a rejection that nobody waits for', async () => {
    const deferred = new Deferred<number>()
    const error = new Error('never')
    deferred.reject(error)
    deferred.resolve(1)
    await turns()
    expect(deferred.isResolved).toBe(false)
    await expect(deferred.promise).rejects.toBe(error)
  })
})

describe('abortable', () => {
  it('settles as the promise, or rejects as soon as the signal aborts', async () => {
    const abort = new AbortController()
    const reason = new Error('changed our mind')
    expect(await abortable(Promise.resolve(1), abort.signal)).toBe(1)
    const waiting = abortable(new Promise(() => {}), abort.signal)
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(abortable(Promise.resolve(1), abort.signal)).rejects.toBe(reason)
  })
})

describe('Semaphore', () => {
  it('lets so many in, then the others in the order in which they came', async () => {
    const semaphore = new Semaphore(2)
    const { signal } = new AbortController()
    const entered: number[] = []
    const leaves: (() => void)[] = []
    for (let i = 0; i < 5; i++) {
      void semaphore.enter(signal).then((leave) => {
        entered.push(i)
        leaves.push(leave)
      })
    }
    await turns()
    expect(entered).toEqual([0, 1])
    leaves[1]!()
    await turns()
    expect(entered).toEqual([0, 1, 2])
    for (let i = 0; i < leaves.length; i++) {
      if (i !== 1) leaves[i]!()
      await turns()
    }
    expect(entered).toEqual([0, 1, 2, 3, 4])
  })

  it('forgets those that gave up while they waited', async () => {
    const semaphore = new Semaphore(1)
    const abort = new AbortController()
    const leave = await semaphore.enter(new AbortController().signal)
    const reason = new Error('changed our mind')
    const waiting = semaphore.enter(abort.signal)
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    await expect(semaphore.enter(abort.signal)).rejects.toBe(reason)
    leave()
    expect(await semaphore.enter(new AbortController().signal)).toBeTypeOf('function')
  })
})

describe('ReadWriteLock', () => {
  it('lets reads run side by side, and writes alone', async () => {
    const lock = new ReadWriteLock()
    const log: string[] = []
    const job = (name: string) => {
      const end = new Deferred<void>()
      return {
        end,
        run: async () => {
          log.push(`+${name}`)
          await end.promise
          log.push(`-${name}`)
        },
      }
    }
    const [a, b, w, late] = [job('a'), job('b'), job('w'), job('late')]
    const all = [lock.read(a.run), lock.read(b.run), lock.write(w.run), lock.read(late.run)]
    await turns()
    expect(log).toEqual(['+a', '+b'])
    a.end.resolve()
    await turns()
    expect(log).toEqual(['+a', '+b', '-a'])
    b.end.resolve()
    await turns()
    // The read that came later waits for the write, so that reads cannot starve it.
    expect(log.slice(3)).toEqual(['-b', '+w'])
    w.end.resolve()
    late.end.resolve()
    await Promise.all(all)
    expect(log.slice(5)).toEqual(['-w', '+late', '-late'])
    await lock.writesDone
    await lock.readsDone()
  })

  it('goes on after work that failed', async () => {
    const lock = new ReadWriteLock()
    const fail = async (): Promise<void> => {
      throw new Error('broken')
    }
    await expect(lock.read(fail)).rejects.toThrow('broken')
    await expect(lock.write(fail)).rejects.toThrow('broken')
    expect(await lock.read(async () => 7)).toBe(7)
  })
})
