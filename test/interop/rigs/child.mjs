/**
 * A child process that speaks JSON lines: events on stdout, commands with an `id` on stdin. Shared by the
 * interop tests and the benchmarks, which run it without a build: hence plain JavaScript with its types in
 * `child.d.mts`.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** Lines kept for the report of a failure. */
const LOG_LINES = 400
/** Events kept until somebody asks for them. */
const MAX_EVENTS = 20_000

const living = new Set()
// A parent that dies of an error leaves nothing behind.
process.on('exit', () => {
  for (const child of living) child.kill('SIGKILL')
})

export class JsonChild {
  /** Events that nobody has taken yet, in order. */
  events = []
  /** Set once the process ended: its exit code, or the name of the signal. */
  exit = undefined
  #process
  #log = []
  #waiting = new Set()
  #nextId = 1
  #ended

  constructor(name, command, args, options = {}) {
    this.name = name
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options })
    living.add(this.#process)
    this.#process.stdin.on('error', () => {})
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.#read(line))
    createInterface({ input: this.#process.stderr }).on('line', (line) => this.#note(`stderr: ${line}`))
    this.#ended = new Promise((resolve) => {
      this.#process.on('error', (error) => {
        this.#note(`spawn: ${error.message}`)
        this.#end('spawn-failed', resolve)
      })
      // 'close' rather than 'exit': all output has been read by then.
      this.#process.on('close', (code, signal) => this.#end(code ?? signal, resolve))
    })
  }

  get pid() {
    return this.#process.pid
  }

  /** What the process said, for the message of a failure. */
  get log() {
    return `${this.name} (pid ${this.pid}):\n${this.#log.join('\n')}`
  }

  /** Takes the first event of this name (and `match`), past or future. */
  event(name, { timeout = 20_000, match = () => true } = {}) {
    const found = this.events.findIndex((event) => event.event === name && match(event))
    if (found >= 0) return Promise.resolve(this.events.splice(found, 1)[0])
    return this.#wait(`event ${name}`, timeout, (message) => {
      if (message.event !== name || !match(message)) return undefined
      this.events.splice(this.events.indexOf(message), 1)
      return message
    })
  }

  /** Sends a command and resolves to its answer; rejects with what the process calls an error. */
  request(command, { timeout = 30_000 } = {}) {
    const id = this.#nextId++
    const answer = this.#wait(`answer to ${command.cmd}`, timeout, (message) =>
      message.id === id ? message : undefined,
    )
    this.#process.stdin.write(`${JSON.stringify({ ...command, id })}\n`)
    return answer.then((message) => {
      if (message.error !== undefined) throw new Error(`${this.name}: ${command.cmd}: ${message.error}`)
      return message
    })
  }

  /** Resolves to the exit code or signal. */
  ended({ timeout = 20_000 } = {}) {
    let timer
    const late = new Promise((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${this.name}: still running after ${timeout} ms\n${this.log}`)),
        timeout,
      )
    })
    return Promise.race([this.#ended, late]).finally(() => clearTimeout(timer))
  }

  signal(name) {
    this.#process.kill(name)
  }

  /** Ends the process: asks, then insists. Always resolves once it is gone. */
  async stop({ grace = 5_000 } = {}) {
    if (this.exit !== undefined) return this.exit
    this.#process.stdin.end(`${JSON.stringify({ cmd: 'quit' })}\n`)
    for (const signal of [undefined, 'SIGTERM', 'SIGKILL']) {
      if (signal !== undefined) this.#process.kill(signal)
      const done = await this.ended({ timeout: signal === undefined ? grace : 3_000 }).catch(() => undefined)
      if (done !== undefined) return done
    }
    throw new Error(`${this.name}: survives SIGKILL`)
  }

  #read(line) {
    let message
    try {
      message = JSON.parse(line)
    } catch {
      this.#note(`stdout: ${line}`)
      return
    }
    if (message.event !== 'progress') this.#note(line.length > 2000 ? `${line.slice(0, 2000)}...` : line)
    if (message.event !== undefined) {
      this.events.push(message)
      if (this.events.length > MAX_EVENTS) this.events.shift()
    }
    for (const waiter of this.#waiting) if (waiter(message)) break
  }

  #note(line) {
    this.#log.push(line)
    if (this.#log.length > LOG_LINES) this.#log.shift()
  }

  #end(exit, resolve) {
    if (this.exit !== undefined) return
    this.exit = exit
    living.delete(this.#process)
    for (const waiter of this.#waiting) waiter(undefined)
    resolve(exit)
  }

  #wait(what, timeout, take) {
    return new Promise((resolve, reject) => {
      const fail = (why) => {
        clearTimeout(timer)
        this.#waiting.delete(waiter)
        reject(new Error(`${this.name}: ${why} while waiting for ${what}\n${this.log}`))
      }
      const waiter = (message) => {
        if (message === undefined) {
          fail(`ended with ${this.exit}`)
          return false
        }
        const taken = take(message)
        if (taken === undefined) return false
        clearTimeout(timer)
        this.#waiting.delete(waiter)
        resolve(taken)
        return true
      }
      const timer = setTimeout(() => fail(`${timeout} ms passed`), timeout)
      if (this.exit !== undefined) fail(`ended with ${this.exit}`)
      else this.#waiting.add(waiter)
    })
  }
}
