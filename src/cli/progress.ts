/**
 * Shows how a torrent is getting on: a bar on a terminal, plain lines elsewhere, JSON lines for programs.
 * @module
 */

import { Presets, SingleBar } from 'cli-progress'
import type { Torrent, TorrentStats } from '../index.js'
import { bytes, codeOf, duration, printJson, printLine, sentence } from './output.js'

/** ms between two progress reports, by kind. */
const PACE = { bar: 200, json: 500, lines: 5_000 }

export type ProgressKind = keyof typeof PACE

/** The right kind for where stdout goes. */
export function progressKind(json: boolean | undefined): ProgressKind {
  if (json) return 'json'
  return process.stdout.isTTY ? 'bar' : 'lines'
}

export class Progress {
  readonly #kind: ProgressKind
  readonly #bar: SingleBar | undefined
  #timer: NodeJS.Timeout | undefined
  #torrent: Torrent | undefined

  constructor(kind: ProgressKind) {
    this.#kind = kind
    if (kind !== 'bar') return
    this.#bar = new SingleBar(
      {
        format: '{bar} {percentage}% {done} of {size}  {rate}/s  {peers} peers  ETA {left}',
        hideCursor: true,
        clearOnComplete: false,
        etaBuffer: 1,
        barsize: 30,
      },
      Presets.shades_classic,
    )
  }

  /** Says something that happened: an event object for programs, a sentence for people. */
  say(event: Record<string, unknown>, text?: string): void {
    if (this.#kind === 'json') printJson(event)
    else if (text !== undefined && !this.#timer) printLine(text)
  }

  /** Something is wrong, but the command goes on. */
  warn(code: string, message: string): void {
    if (this.#kind === 'json') printJson({ event: 'warning', code, message })
    else if (this.#kind === 'lines') process.stderr.write(`rarest: warning: ${message} (${code})\n`)
  }

  /** Something ended the command. The caller exits with an error. */
  fail(error: unknown): void {
    if (this.#kind === 'json') {
      printJson({
        event: 'error',
        code: codeOf(error),
        message: error instanceof Error ? error.message : sentence(error),
      })
    }
  }

  /** Follows a torrent until {@link stop}. */
  follow(torrent: Torrent): void {
    this.#torrent = torrent
    const stats = torrent.stats
    this.#bar?.start(Math.max(1, stats.size), stats.downloaded, fields(stats))
    this.#timer = setInterval(() => this.#show(), PACE[this.#kind])
  }

  /** Shows the last numbers and ends. */
  stop(): void {
    if (!this.#timer) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#show()
    this.#bar?.stop()
  }

  #show(): void {
    if (!this.#torrent) return
    const stats = this.#torrent.stats
    if (this.#kind === 'json') {
      printJson({
        event: 'progress',
        downloaded: stats.downloaded,
        received: stats.received,
        uploaded: stats.uploaded,
        size: stats.size,
        rate: Math.round(stats.downloadRate),
        uploadRate: Math.round(stats.uploadRate),
        peers: stats.peers,
      })
    } else if (this.#bar) this.#bar.update(stats.downloaded, fields(stats))
    else {
      const shown = fields(stats)
      printLine(`${shown.done} of ${shown.size}, ${shown.rate}/s, ${shown.peers} peers, ETA ${shown.left}`)
    }
  }
}

function fields(stats: TorrentStats): Record<'done' | 'size' | 'rate' | 'peers' | 'left', string> {
  return {
    done: bytes(stats.downloaded),
    size: bytes(stats.size),
    rate: bytes(Math.round(stats.downloadRate)),
    peers: String(stats.peers),
    left: duration(stats.eta),
  }
}
