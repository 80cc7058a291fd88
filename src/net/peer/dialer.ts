/**
 * Makes outgoing connections for all torrents of a session: a limited number at once, so many a second,
 * torrents in turn.
 * @module
 */

import type { Address } from '../../util/address.js'
import { errorCode } from '../../util/errors.js'
import { TokenBucket } from '../../util/token-bucket.js'
import { logger } from '../log.js'
import type { Scheduler, Task } from '../scheduler.js'
import type { ByteStream, Transport, World } from '../world.js'
import type { Connector } from './connector.js'
import { attempts, type Encryption, invitesRedial, methodsOf } from './encryption.js'
import { type Greeting, type Identity, shakeHands } from './handshake.js'

const log = logger('dialer')

/** A torrent as the dialer sees it. */
export interface Dialling {
  readonly ours: Identity
  /** The next address to dial now, taken off the list, or undefined when none is wanted now. */
  nextDial(now: number): DialTarget | undefined
  /** When to ask again (ms), Infinity when only an event can bring a candidate. */
  nextDialAt(now: number): number
}

export interface DialTarget {
  readonly address: Address
  /** Others say that it prefers encrypted connections. */
  readonly prefersEncryption?: boolean
  /** Which transport to try first, and whether another may be tried. */
  readonly prefer?: Transport | undefined
  readonly only?: Transport | undefined
  /** Who we are to this one, where that is not what the torrent is to all. */
  readonly ours?: Identity | undefined
  connected(stream: ByteStream, handshake: Greeting, rest: Uint8Array): void
  /** `transport`: what connected, when it was the handshake that failed. */
  failed(code: string, transport?: Transport): void
}

/** The settings of a session that dials read, anew each time: they change. */
export interface DialSettings {
  readonly limits: { readonly halfOpen: number; readonly dialsPerSecond: number }
  readonly transport: {
    readonly connectTimeoutMs: number
    readonly handshakeTimeoutMs: number
    readonly encryption: Encryption
  }
}

export interface DialerOptions {
  readonly world: World
  /** Default: TCP alone. */
  readonly connector?: Connector
  readonly scheduler: Scheduler
  readonly settings: DialSettings
  /** Connections that the session still has room for. */
  room(): number
}

export class Dialer implements Task {
  readonly #options: DialerOptions
  readonly #torrents = new Set<Dialling>()
  readonly #attempts = new Set<{ abort(): void; readonly torrent: Dialling }>()
  readonly #rate: TokenBucket
  #pumping = false
  #closed = false

  constructor(options: DialerOptions) {
    this.#options = options
    const { dialsPerSecond } = options.settings.limits
    this.#rate = new TokenBucket(dialsPerSecond, dialsPerSecond, options.world.now())
  }

  /** Dials under way. */
  get halfOpen(): number {
    return this.#attempts.size
  }

  /** The settings changed. */
  configured(): void {
    const { settings, world } = this.#options
    const { dialsPerSecond } = settings.limits
    this.#rate.configure(dialsPerSecond, dialsPerSecond, world.now())
    this.wake()
  }

  /** Starts to dial for a torrent. */
  add(torrent: Dialling): void {
    this.#torrents.add(torrent)
    this.wake()
  }

  /** Stops dialling for a torrent and gives up its attempts. */
  remove(torrent: Dialling): void {
    this.#torrents.delete(torrent)
    for (const attempt of [...this.#attempts]) if (attempt.torrent === torrent) attempt.abort()
  }

  /** Something changed: addresses came, a connection ended. Dials at the end of this turn. */
  wake(): void {
    if (this.#pumping || this.#closed) return
    this.#pumping = true
    this.#options.world.defer(() => {
      this.#pumping = false
      this.run(this.#options.world.now())
    })
  }

  run(now: number): void {
    if (this.#closed) return
    const { settings, scheduler, room } = this.#options
    const { halfOpen } = settings.limits
    const turn = [...this.#torrents]
    while (turn.length > 0 && this.#attempts.size < halfOpen && room() > this.#attempts.size) {
      const due = this.#rate.availableAt(1, now)
      if (due > now) {
        scheduler.schedule(this, due)
        return
      }
      const torrent = turn.shift() as Dialling
      const target = torrent.nextDial(now)
      if (target === undefined) continue
      this.#rate.charge(1, now)
      this.#torrents.delete(torrent)
      this.#torrents.add(torrent)
      turn.push(torrent)
      this.#dial(torrent, target)
    }
    let next = Number.POSITIVE_INFINITY
    if (this.#attempts.size < halfOpen && room() > this.#attempts.size) {
      for (const torrent of this.#torrents) next = Math.min(next, torrent.nextDialAt(now))
    }
    scheduler.schedule(this, Math.max(next, now + 10))
  }

  /** Gives up all attempts. */
  close(): void {
    this.#closed = true
    this.#options.scheduler.cancel(this)
    for (const attempt of [...this.#attempts]) attempt.abort()
    this.#torrents.clear()
  }

  #dial(torrent: Dialling, target: DialTarget): void {
    const { encryption } = this.#options.settings.transport
    const attempt = { torrent, abort: (): void => {} }
    this.#attempts.add(attempt)
    const { host, port } = target.address
    const forms = [...attempts(encryption.outgoing, target.prefersEncryption === true)]
    const over = () => {
      this.#attempts.delete(attempt)
      this.wake()
    }
    const failed = (code: string, transport?: Transport) => {
      log('%s port %d: %s', host, port, code)
      if (forms.length > 0 && invitesRedial(code) && !this.#closed && this.#torrents.has(torrent)) {
        this.#rate.charge(1, this.#options.world.now())
        next()
        return
      }
      over()
      target.failed(code, transport)
    }
    const next = () => {
      attempt.abort = this.#attempt(
        torrent,
        target,
        forms.shift() === true,
        failed,
        (stream, greeting, rest) => {
          log('%s port %d: connected, %s', host, port, greeting.encryption ?? 'not encrypted')
          over()
          target.connected(stream, greeting, rest)
        },
      )
    }
    next()
  }

  /** Connects once and shakes hands in one form; returns what gives it up. */
  #attempt(
    torrent: Dialling,
    { address, ours = torrent.ours, prefer, only }: DialTarget,
    encrypted: boolean,
    failed: (code: string, transport?: Transport) => void,
    done: (stream: ByteStream, greeting: Greeting, rest: Uint8Array) => void,
  ): () => void {
    const { world, scheduler, settings } = this.#options
    const { connectTimeoutMs, handshakeTimeoutMs, encryption } = settings.transport
    const { connector = world } = this.#options
    const controller = new AbortController()
    let abort = () => controller.abort(new Error('the dial was given up'))
    const how = { timeout: connectTimeoutMs, signal: controller.signal, prefer, only }
    connector.connect(address, how).then(
      (stream) => {
        if (controller.signal.aborted) {
          stream.destroy()
          failed('net/aborted')
          return
        }
        const security = {
          random: world.random,
          methods: methodsOf(encryption.outgoing, encryption.methods),
        }
        abort = shakeHands(stream, {
          scheduler,
          deadline: world.now() + handshakeTimeoutMs,
          ours,
          ...(encrypted ? { security } : {}),
          done: (greeting, rest, _ours, opened) => done(opened, greeting, rest),
          failed: (code) => failed(code, stream.transport),
        })
      },
      (error: unknown) => failed(errorCode(error)),
    )
    return () => abort()
  }
}
