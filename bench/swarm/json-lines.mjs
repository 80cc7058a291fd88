/**
 * The child's side of the JSON lines that `test/interop/rigs/child.mjs` speaks: commands with an `id` on stdin,
 * answers and events on stdout. End of stdin ends the process.
 */
import { writeSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'

/** Serves the named commands; returns the function that emits an event. `quit` runs before the process ends. */
export function serve(commands, quit = async () => {}) {
  const lines = createInterface({ input: process.stdin })
  let ending = false
  const end = async () => {
    if (ending) return
    ending = true
    try {
      await quit()
      emit({ event: 'exit', ...usage() })
      process.exit(0)
    } catch (error) {
      emit({ event: 'error', message: String(error?.stack ?? error) })
      process.exit(1)
    }
  }
  lines.on('line', async (line) => {
    const { id, cmd, ...fields } = JSON.parse(line)
    if (cmd === 'quit') return end()
    try {
      if (commands[cmd] === undefined) throw new Error(`unknown command ${cmd}`)
      emit({ id, ...(await commands[cmd](fields)) })
    } catch (error) {
      emit({ id, error: String(error?.stack ?? error) })
    }
  })
  lines.on('close', end)
  return emit
}

/** One line on stdout, at once: a pipe that is full blocks rather than loses. */
function emit(message) {
  const bytes = Buffer.from(`${JSON.stringify(message)}\n`)
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(1, bytes, sent)
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error
    }
  }
}

/** CPU seconds of the process so far, and its peak memory in bytes. */
export function usage() {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage()
  return { cpu: (userCPUTime + systemCPUTime) / 1e6, peak: maxRSS * 1024 }
}

/** CLOCK_MONOTONIC in ms: the clock that all drivers report, so that times of two processes compare. */
export function clock() {
  return Number(process.hrtime.bigint()) / 1e6
}

/**
 * Measures how long the event loop stays away, when asked to. The timer behind it fires every ms; a delay counts
 * from when it should have fired, so what other processes take of the cores is in it too.
 */
export function loopMonitor(wanted) {
  const histogram = wanted ? monitorEventLoopDelay({ resolution: 1 }) : undefined
  return {
    start: () => histogram?.enable(),
    stop() {
      histogram?.disable()
      return histogram === undefined
        ? {}
        : { loop: histogram.max / 1e6, loop99: histogram.percentile(99) / 1e6 }
    },
  }
}
