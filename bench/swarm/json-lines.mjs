/**
 * The child's side of the JSON lines that `test/interop/rigs/child.mjs` speaks: commands with an `id` on stdin,
 * answers and events on stdout. End of stdin ends the process.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
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
 * Measures how long the event loop stays away, when asked to. `loop`: by the clock, from when a timer of 1 ms
 * should have fired, so what other processes take of the cores is in it too. `loopCpu`: CPU time of the main
 * thread between two firings, which is our own doing. Both the greatest, in ms.
 */
export function loopMonitor(wanted) {
  if (!wanted) return { start() {}, stop: () => ({}) }
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  // ns on a CPU, of the thread whose id is that of the process: the one that runs JavaScript.
  const file = openSync(`/proc/self/task/${process.pid}/schedstat`)
  const text = Buffer.alloc(64)
  const spent = () => Number.parseInt(text.toString('latin1', 0, readSync(file, text, 0, 64, 0)), 10) / 1e6
  let last
  let longest = 0
  let timer
  return {
    start() {
      histogram.enable()
      last = spent()
      timer = setInterval(() => {
        const now = spent()
        longest = Math.max(longest, now - last)
        last = now
      }, 1)
    },
    stop() {
      histogram.disable()
      clearInterval(timer)
      closeSync(file)
      return { loop: histogram.max / 1e6, loopCpu: longest }
    },
  }
}
