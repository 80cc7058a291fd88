/** A program that runs until it is stopped: its last words are kept for the report of a failure. */

import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { createServer } from 'node:net'

/** Pieces of output kept. */
const LOG_PARTS = 400

export class Daemon {
  readonly #name: string
  readonly #process: ChildProcess
  readonly #output: string[] = []

  constructor(name: string, command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.#name = name
    this.#process = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    const keep = (chunk: Buffer): void => {
      this.#output.push(chunk.toString())
      if (this.#output.length > LOG_PARTS) this.#output.shift()
    }
    this.#process.on('error', (error) => this.#output.push(error.message))
    this.#process.stdout?.on('data', keep)
    this.#process.stderr?.on('data', keep)
    process.once('exit', this.#kill)
  }

  get log(): string {
    return `${this.#name} (pid ${this.#process.pid}):\n${this.#output.join('')}`
  }

  /** False once it has ended by itself. */
  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null
  }

  /** Resolves once `ask` does, asked every 50 ms; rejects when the program ends first or 15 s pass. */
  async answers(ask: () => Promise<unknown>): Promise<void> {
    const end = performance.now() + 15_000
    for (;;) {
      try {
        await ask()
        return
      } catch (error) {
        if (!this.isRunning || performance.now() > end) {
          throw new Error(`${this.#name} does not answer: ${String(error)}\n${this.log}`)
        }
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  /** Ends it by `signal`, and by SIGKILL when it is still there after five seconds. */
  async stop(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL' = 'SIGKILL'): Promise<void> {
    process.removeListener('exit', this.#kill)
    if (!this.isRunning) return
    const ended = new Promise((resolve) => this.#process.once('exit', resolve))
    this.#process.kill(signal)
    const insist = setTimeout(() => this.#process.kill('SIGKILL'), 5_000)
    await ended
    clearTimeout(insist)
  }

  readonly #kill = (): void => {
    this.#process.kill('SIGKILL')
  }
}

/** Ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer()
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}
