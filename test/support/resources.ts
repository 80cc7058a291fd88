/**
 * What a test leaves open: sockets, servers, timers of this process.
 * @module
 */

import { expect } from 'vitest'

/** Names of what keeps the process alive. Requests to the file system are the test's own. */
export function openResources(): string[] {
  return process
    .getActiveResourcesInfo()
    .filter((kind) => !kind.startsWith('FSReq'))
    .sort()
}

/**
 * Passes as soon as nothing matching `kinds` is open that was not `before`, and fails when something still
 * is after ten seconds. Closed sockets leave with later turns of the event loop, and the test runner has
 * timers of its own that come and go, so this looks more than once, and calls `between` in between.
 */
export async function expectNothingLeft(
  before: readonly string[] = [],
  kinds: RegExp = /TCP|UDP|Server|Pipe|Timeout/,
  between: () => void = () => {},
): Promise<void> {
  const left = (): string[] => {
    const known = [...before]
    return openResources().filter((kind) => {
      const at = known.indexOf(kind)
      if (at >= 0) known.splice(at, 1)
      return at < 0 && kinds.test(kind)
    })
  }
  for (let turn = 0; turn < 1_000; turn++) {
    if (left().length === 0) return
    between()
    // Without a timer of our own among what is counted.
    const until = performance.now() + 10
    while (performance.now() < until) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(left()).toEqual([])
}
