/**
 * Shows how a torrent is getting on: a bar on a terminal, plain lines elsewhere, JSON lines for programs.
 * @module
 */

import { Presets, SingleBar } from 'cli-progress'
import type { SessionEvents, Torrent, TorrentStats } from '../index.js'
import { bytes, codeOf, duration, printable, printJson, printLine, sentence } from './output.js'

/** ms between two progress reports, by kind. */
const PACE = { bar: 200, json: 500, lines: 5_000 }

export type ProgressKind = keyof typeof PACE

export type Phase = 'downloading' | 'seeding'

const FORMATS: Readonly<Record<Phase, string>> = {
  downloading: '{bar} {percentage}%  {done} of {wanted}  {rate}/s  {peers}  ETA {left}',
  seeding: 'seeding  {upload}/s  {peers}  {sent} sent',
}

/** Steps of the bar, finer than any terminal. */
const STEPS = 1_000

/** The right kind for where stdout goes. */
export function progressKind(json: boolean | undefined): ProgressKind {
  if (json) return 'json'
  return process.stdout.isTTY && process.env.TERM !== 'dumb' ? 'bar' : 'lines'
}

export class Progress {
  readonly #kind: ProgressKind
  #bar: SingleBar | undefined
  #timer: NodeJS.Timeout | undefined
  #show: () => void = () => {}
  #last = ''

  constructor(kind: ProgressKind) {
    this.#kind = kind
  }

  /** Says something that happened: an event object for programs, a sentence for people. */
  say(event: Record<string, unknown>, text?: string): void {
    if (this.#kind === 'json') printJson(event)
    else if (text !== undefined) {
      this.#clearLine()
      printLine(text)
    }
  }

  /** Something is wrong, but the command goes on. */
  warn({ code, message, torrent }: SessionEvents['warning'][0]): void {
    // A fatal error is a warning of the session too: the command ends with it.
    if (torrent?.error?.code === code) return
    if (this.#kind === 'json') printJson({ event: 'warning', code, message })
    else {
      this.#clearLine()
      process.stderr.write(`rarest: warning: ${printable(message)} (${code})\n`)
    }
  }

  /** Something ended the command. The caller exits with an error. */
  fail(error: unknown): void {
    if (this.#kind === 'json') printJson({ event: 'error', code: codeOf(error), message: sentence(error) })
  }

  /** Follows a torrent until {@link stop}. */
  follow(torrent: Torrent, phase: Phase): void {
    this.stop()
    if (this.#kind === 'bar') {
      this.#bar = new SingleBar(
        {
          format: FORMATS[phase],
          stream: process.stdout,
          hideCursor: true,
          barsize: 30,
          // Warnings overwrite the line of the bar.
          forceRedraw: true,
        },
        Presets.shades_classic,
      )
      this.#bar.start(STEPS, 0, fields(torrent.stats))
    }
    this.#show = () => this.#print(torrent.stats, phase)
    this.#show()
    this.#timer = setInterval(this.#show, PACE[this.#kind])
  }

  /** Shows the last numbers and ends. */
  stop(): void {
    if (!this.#timer) return
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#show()
    this.#bar?.stop()
    this.#bar = undefined
  }

  #print(stats: TorrentStats, phase: Phase): void {
    if (this.#kind === 'json') {
      const { verified, downloaded, uploaded, size, peers } = stats
      const rate = Math.round(stats.downloadRate)
      const uploadRate = Math.round(stats.uploadRate)
      const event = { event: 'progress', verified, downloaded, uploaded, size, rate, uploadRate, peers }
      // A seed may have nothing to say for hours.
      if (phase === 'downloading' || this.#isNews(JSON.stringify(event))) printJson(event)
    } else if (this.#bar) this.#bar.update(Math.floor(stats.progress * STEPS), fields(stats))
    else {
      const { done, wanted, rate, peers, left, upload, sent } = fields(stats)
      const line =
        phase === 'seeding'
          ? `seeding ${upload}/s, ${peers}, ${sent} sent`
          : `${done} of ${wanted}, ${rate}/s, ${peers}, ETA ${left}`
      if (this.#isNews(line)) printLine(line)
    }
  }

  #isNews(text: string): boolean {
    const isNews = text !== this.#last
    this.#last = text
    return isNews
  }

  #clearLine(): void {
    if (this.#bar) process.stdout.write('\r\u001b[K')
  }
}

type Field = 'done' | 'wanted' | 'rate' | 'peers' | 'left' | 'upload' | 'sent'

function fields(stats: TorrentStats): Record<Field, string> {
  return {
    done: bytes(stats.wanted - stats.left),
    wanted: bytes(stats.wanted),
    rate: bytes(Math.round(stats.downloadRate)),
    peers: `${stats.peers} ${stats.peers === 1 ? 'peer' : 'peers'}`,
    left: duration(stats.eta),
    upload: bytes(Math.round(stats.uploadRate)),
    sent: bytes(stats.uploaded),
  }
}
