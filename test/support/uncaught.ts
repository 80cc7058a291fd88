/**
 * What reaches an application as `uncaughtException`.
 * @module
 */

/** Does the work, and gives back what nobody caught meanwhile, in order; the test runner does not hear of it. */
export async function uncaughtDuring(
  work: (caught: readonly unknown[]) => Promise<void>,
): Promise<unknown[]> {
  const kept = process.listeners('uncaughtException')
  const caught: unknown[] = []
  const hear = (error: unknown): void => void caught.push(error)
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', hear)
  try {
    await work(caught)
  } finally {
    process.removeListener('uncaughtException', hear)
    for (const listener of kept) process.on('uncaughtException', listener)
  }
  return caught
}
