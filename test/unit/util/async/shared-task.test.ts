import { describe, expect, it } from 'vitest'
import { Deferred } from '../../../../src/util/async/deferred.js'
import { SharedTask } from '../../../../src/util/async/shared-task.js'

/** Work that is settled by hand; aborted, it ends as soon as it is told to. */
function setUp() {
  const works: { readonly end: Deferred<number>; readonly signal: AbortSignal }[] = []
  const run = new SharedTask<number>((signal) => {
    const end = new Deferred<number>()
    works.push({ end, signal })
    return end.promise
  })
  return { run, works }
}

describe('SharedTask', () => {
  it('does the work once for all who ask meanwhile, and anew afterwards', async () => {
    const { run, works } = setUp()
    const calls = [run.join(), run.join(new AbortController().signal)]
    await Promise.resolve()
    expect(run.isRunning).toBe(true)
    works[0]!.end.resolve(7)
    expect(await Promise.all(calls)).toEqual([7, 7])
    expect(run.isRunning).toBe(false)
    const failing = run.join()
    await Promise.resolve()
    await Promise.resolve()
    works[1]!.end.reject(new Error('no'))
    await expect(failing).rejects.toThrow('no')
    expect(works).toHaveLength(2)
  })

  it('gives the work up when the last one who waits goes, not before', async () => {
    const { run, works } = setUp()
    const [first, second] = [new AbortController(), new AbortController()]
    const calls = [first, second].map(({ signal }) => run.join(signal).catch((error: unknown) => error))
    await Promise.resolve()
    first.abort('one')
    expect(await calls[0]).toBe('one')
    expect(works[0]!.signal.aborted).toBe(false)
    second.abort('two')
    expect(await calls[1]).toBe('two')
    expect(works[0]!.signal.reason).toBe('two')
    expect(run.isRunning).toBe(false)
    // The next one begins when the last one has really ended.
    const next = run.join()
    await new Promise((resolve) => setImmediate(resolve))
    expect(works).toHaveLength(1)
    works[0]!.end.reject('two')
    await new Promise((resolve) => setImmediate(resolve))
    works[1]!.end.resolve(1)
    expect(await next).toBe(1)
  })

  it('asks for nothing with a signal that is aborted, or after the end', async () => {
    const { run, works } = setUp()
    await expect(run.join(AbortSignal.abort('no'))).rejects.toBe('no')
    expect(works).toHaveLength(0)
    const call = run.join().catch((error: unknown) => error)
    await Promise.resolve()
    const end = new Error('closed')
    run.close(end)
    expect(await call).toBe(end)
    expect(works[0]!.signal.reason).toBe(end)
    await expect(run.join()).rejects.toBe(end)
  })
})
