/**
 * Shows how far a look-up in the DHT is: a line on a terminal, JSON lines for programs, nothing elsewhere.
 * @module
 */

import type { LookupStats } from '../entry/dht.js'
import { printJson, printLine } from './output.js'

/** Where the line goes: stderr. */
interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** ms between two JSON lines. */
const PACE = 500
const CLEAR = '\r\u001b[K'

export class LookupProgress {
  readonly #json: boolean
  readonly #terminal: Terminal | undefined
  #stats: LookupStats | undefined
  #printed: LookupStats | undefined
  #found = 0
  #isShown = false

  constructor(options: { readonly json?: boolean }, terminal: Terminal = process.stderr) {
    this.#json = options.json === true
    this.#terminal = terminal.isTTY && !this.#json ? terminal : undefined
  }

  /** The option `progress` of the calls of a DHT. */
  readonly report = (stats: LookupStats): void => {
    this.#stats = stats
    if (this.#json && stats.duration - (this.#printed?.duration ?? -PACE) >= PACE) this.#print(stats)
    if (!this.#terminal) return
    const found = this.#found > 0 ? `, ${this.#found} found` : ''
    this.#terminal.write(`${CLEAR}${stats.queries} nodes asked, ${stats.responded} answered${found}`)
    this.#isShown = true
  }

  /** Prints one find: an event, or the text. */
  tell(event: Record<string, unknown>, text: string): void {
    this.#found++
    this.#clear()
    if (this.#json) printJson(event)
    else printLine(text)
  }

  /** The look-up is over: its last numbers stay in JSON, and the line goes. */
  end(): void {
    if (this.#json && this.#stats !== this.#printed && this.#stats) this.#print(this.#stats)
    this.#clear()
  }

  #print(stats: LookupStats): void {
    this.#printed = stats
    const { queries, responded, duration } = stats
    printJson({ event: 'progress', queries, responded, found: this.#found, ms: Math.round(duration) })
  }

  #clear(): void {
    if (this.#isShown) this.#terminal?.write(CLEAR)
    this.#isShown = false
  }
}
