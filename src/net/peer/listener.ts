/**
 * Accepts incoming connections on one port for all torrents of a session.
 * @module
 */

import { SkeyTable } from '../../wire/mse/keys.js'
import { logger } from '../log.js'
import type { Scheduler } from '../scheduler.js'
import type { ByteStream, StreamServer, World } from '../world.js'
import { type Encryption, methodsOf } from './encryption.js'
import { type Greeting, type HandshakeSecurity, type Identity, shakeHands } from './handshake.js'

const log = logger('listener')

/** Unfinished handshakes at once. Beyond that the oldest gives way: a peer that dawdles keeps no other out. */
const MAX_PENDING = 100

/** The settings of a session for connections that come in, read anew for each: they change. */
export interface AcceptSettings {
  readonly transport: { readonly handshakeTimeoutMs: number; readonly encryption: Encryption }
}

export interface ListenerOptions {
  readonly world: World
  readonly scheduler: Scheduler
  readonly settings: AcceptSettings
  /** False turns a stream away before a byte is read: there is no room. */
  welcome(stream: ByteStream): boolean
  /** The identity of a torrent that takes connections now. */
  identify(infoHash: Uint8Array): Identity | undefined
  accepted(stream: ByteStream, handshake: Greeting, rest: Uint8Array): void
}

export class Listener {
  /** The infohashes by which an encrypted connection may find its torrent: two of a hybrid. */
  readonly skeys: SkeyTable = new SkeyTable()
  readonly #options: ListenerOptions
  readonly #pending = new Set<() => void>()
  #server: StreamServer | undefined

  constructor(options: ListenerOptions) {
    this.#options = options
  }

  /** Listens; resolves to the port. Rejects with the system's code, `EADDRINUSE` for instance. */
  async open(at: { readonly host?: string; readonly port: number }): Promise<number> {
    this.#server = await this.#options.world.listen(at, (stream) => this.accept(stream))
    return this.#server.address.port
  }

  /** Stops listening and drops unfinished handshakes. */
  async close(): Promise<void> {
    for (const abort of [...this.#pending]) abort()
    await this.#server?.close()
  }

  /** Takes a connection that came some other way, over uTP for instance. */
  accept(stream: ByteStream): void {
    const { world, scheduler, settings, welcome, identify, accepted } = this.#options
    if (!welcome(stream)) {
      stream.destroy()
      return
    }
    if (this.#pending.size >= MAX_PENDING) {
      const [oldest] = this.#pending
      oldest?.()
    }
    const security = this.#security
    const abort = shakeHands(stream, {
      scheduler,
      deadline: world.now() + settings.transport.handshakeTimeoutMs,
      identify,
      ...(security ? { security } : {}),
      done: (handshake, rest, _ours, opened) => {
        this.#pending.delete(abort)
        accepted(opened, handshake, rest)
      },
      failed: (code) => {
        log('%s port %d: %s', stream.remote.host, stream.remote.port, code)
        this.#pending.delete(abort)
      },
    })
    this.#pending.add(abort)
  }

  /** What encrypted connections are told; undefined when there are to be none. */
  get #security(): HandshakeSecurity | undefined {
    const { settings, world, identify } = this.#options
    const { incoming, methods } = settings.transport.encryption
    if (incoming === 'disabled') return undefined
    return {
      random: world.random,
      methods: methodsOf(incoming, methods),
      required: incoming === 'required',
      find: (hash) => {
        const infoHash = this.skeys.find(hash)
        return infoHash && identify(infoHash) ? infoHash : undefined
      },
    }
  }
}
