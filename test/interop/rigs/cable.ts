/**
 * A network namespace (Linux, as root) with one cable to this machine, for clients that dial no loopback
 * address. What lives in it reaches this end of the cable and nothing else.
 */

import { spawnSync } from 'node:child_process'

let made = 0

export class CabledNamespace {
  /** Our end of the cable, and theirs. Addresses that are kept for tests between devices (RFC 2544). */
  readonly ours: string
  readonly theirs: string
  /** What a command is prefixed with to run inside. */
  readonly enter: readonly string[]
  readonly #name: string

  constructor() {
    const number = made++
    const third = process.pid % 256
    this.ours = `198.18.${third}.${4 * number + 1}`
    this.theirs = `198.18.${third}.${4 * number + 2}`
    this.#name = `rarest-${process.pid}-cable-${number}`
    this.enter = ['ip', 'netns', 'exec', this.#name]
    const [near, far] = [`ra${process.pid}n${number}`, `ra${process.pid}f${number}`]
    process.once('exit', this.#remove)
    try {
      ip('netns', 'add', this.#name)
      ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', this.#name)
      ip('addr', 'add', `${this.ours}/30`, 'dev', near)
      ip('link', 'set', near, 'up')
      ip('-n', this.#name, 'addr', 'add', `${this.theirs}/30`, 'dev', far)
      ip('-n', this.#name, 'link', 'set', far, 'up')
      ip('-n', this.#name, 'link', 'set', 'lo', 'up')
    } catch (error) {
      this.#remove()
      throw error
    }
  }

  /** Whatever runs inside must have ended. The cable goes with the namespace. */
  async stop(): Promise<void> {
    this.#remove()
  }

  readonly #remove = (): void => {
    process.removeListener('exit', this.#remove)
    spawnSync('ip', ['netns', 'del', this.#name], { stdio: 'ignore' })
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr.trim()}`)
}
