/**
 * A network namespace (Linux, as root) with one cable to this machine, for clients that dial no loopback
 * address. What lives in it reaches this end of the cable and nothing else.
 */

import { spawnSync } from 'node:child_process'
import { Machine, must } from './namespaces.js'

let made = 0

export class CabledNamespace {
  /** Our end of the cable, and theirs. Addresses that are kept for tests between devices (RFC 2544). */
  readonly ours: string
  readonly theirs: string
  /** What lives inside runs there. */
  readonly machine: Machine

  constructor() {
    const number = made++
    const third = process.pid % 256
    this.ours = `198.18.${third}.${4 * number + 1}`
    this.theirs = `198.18.${third}.${4 * number + 2}`
    const name = `rarest-${process.pid}-cable-${number}`
    this.machine = new Machine(name)
    const [near, far] = [`ra${process.pid}n${number}`, `ra${process.pid}f${number}`]
    process.once('exit', this.#remove)
    try {
      must('ip', 'netns', 'add', name)
      must('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', name)
      must('ip', 'addr', 'add', `${this.ours}/30`, 'dev', near)
      must('ip', 'link', 'set', near, 'up')
      must('ip', '-n', name, 'addr', 'add', `${this.theirs}/30`, 'dev', far)
      must('ip', '-n', name, 'link', 'set', far, 'up')
      must('ip', '-n', name, 'link', 'set', 'lo', 'up')
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
    spawnSync('ip', ['netns', 'del', this.machine.name], { stdio: 'ignore' })
  }
}
