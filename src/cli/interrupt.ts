/**
 * Ctrl-C: the first one asks a command to stop cleanly, the second one ends it at once.
 * @module
 */

/** Resolves at the first SIGINT or SIGTERM; `release` stops listening. */
export function interruption(): { readonly promise: Promise<'interrupted'>; release(): void } {
  let interrupted: (value: 'interrupted') => void = () => {}
  const promise = new Promise<'interrupted'>((resolve) => {
    interrupted = resolve
  })
  let first = true
  const listener = () => {
    if (!first) process.exit(130)
    first = false
    interrupted('interrupted')
  }
  process.on('SIGINT', listener)
  process.on('SIGTERM', listener)
  return {
    promise,
    release() {
      process.off('SIGINT', listener)
      process.off('SIGTERM', listener)
    },
  }
}
