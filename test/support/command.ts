/** The built `rarest` command as a process, run to its end or watched line by line. */

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

export const COMMAND = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

/** Fails in words where the build is missing. */
export function requireBuild(): void {
  if (!existsSync(COMMAND)) throw new Error('dist/cli/main.js is missing: run "npm run build" first')
}

/** Windows has no signals to send: tests of Ctrl-C need a POSIX system. */
export const canInterrupt: boolean = process.platform !== 'win32'

export interface Ended {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
  /** The JSON objects of stdout. */
  readonly events: Record<string, unknown>[]
}

/** A running script of Node's. */
export class Running {
  readonly process: ChildProcess
  readonly ended: Promise<Ended>
  #stdout = ''
  #stderr = ''
  readonly #lines: string[] = []
  readonly #watchers = new Set<() => void>()

  constructor(
    script: string,
    args: readonly string[],
    options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
  ) {
    this.process = spawn(process.execPath, [script, ...args], options)
    const { stdout, stderr } = this.process
    stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
    })
    stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
    })
    if (stdout) {
      createInterface({ input: stdout }).on('line', (line) => {
        this.#lines.push(line)
        this.#wake()
      })
    }
    this.ended = new Promise((resolve, reject) => {
      this.process.on('error', reject)
      this.process.on('close', (code, signal) => {
        resolve({ code: code ?? signal, stdout: this.#stdout, stderr: this.#stderr, events: this.#events() })
        this.#wake()
      })
    })
  }

  /** The first line, past or future, that matches. */
  line(pattern: RegExp): Promise<string> {
    return this.#first(
      () => this.#lines.find((line) => pattern.test(line)),
      () => String(pattern),
    )
  }

  /** The first event of this name, past or future, that matches. */
  event(
    name: string,
    matches: (event: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    return this.#first(
      () => this.#events().find((event) => event.event === name && matches(event)),
      () => `event ${name}`,
    )
  }

  /** Ctrl-C. */
  interrupt(): Promise<Ended> {
    this.process.kill('SIGINT')
    return this.ended
  }

  /** Ends it whatever it does. */
  async close(): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL')
    await this.ended
  }

  #first<T>(find: () => T | undefined, what: () => string): Promise<T> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find()
        if (found !== undefined) resolve(found)
        else if (this.process.exitCode !== null || this.process.signalCode !== null)
          reject(new Error(`ended without ${what()}:\n${this.#stdout}${this.#stderr}`))
        else return
        this.#watchers.delete(look)
      }
      this.#watchers.add(look)
      look()
    })
  }

  #wake(): void {
    for (const look of [...this.#watchers]) look()
  }

  #events(): Record<string, unknown>[] {
    return this.#lines.filter((line) => line.startsWith('{"')).map((line) => JSON.parse(line))
  }
}
