/**
 * TCP streams of the system world.
 *
 * Bytes are read into one buffer shared by all sockets (`onread`), which halves the receiver's CPU
 * against 'data' events and needs no read buffer per socket. Node offers that for dialled sockets only;
 * an accepted one gets it by wrapping its handle again, where the runtime still allows that, and reads
 * by 'data' events elsewhere.
 * @module
 */

import { createServer, Socket, type SocketConstructorOpts } from 'node:net'
import type { Address } from '../../util/address.js'
import { ipFromBytes, ipToBytes } from '../../util/address.js'
import { withDeadline } from '../../util/async/deadline.js'
import { RarestError } from '../../util/errors.js'
import type { ByteStream, ConnectOptions, ListenOptions, StreamListener, StreamServer } from '../world.js'
import { systemTimers } from './timer.js'

/**
 * Bytes per read, and the size of the one buffer behind all sockets. Measured on loopback at 64, 128 and
 * 256 KiB: 128 costs least on both sides together and stays in the processor's cache. Sharing is sound: libuv asks for
 * the memory, reads and calls back in one go, also on Windows (zero-byte reads).
 */
const READ_BYTES = 131_072

/** Bytes that the system would not take at once before `write` answers false. */
const WRITE_HIGH = 65_536

/** ms after `end` until a remote that neither reads nor closes is cut off. */
const LINGER = 5_000

let sharedBuffer: Uint8Array | undefined

/** Opens a TCP connection; the contract is `World.connect`. */
export function connectStream(
  to: Address,
  { timeout, signal, localAddress }: ConnectOptions,
): Promise<ByteStream> {
  const late = (): Error =>
    new RarestError('ETIMEDOUT', `no connection to ${to.host}:${to.port} within ${timeout} ms`)
  return withDeadline({ clock: systemTimers, timeout, signal, late }, ({ resolve, reject }) => {
    const sink: Sink = { stream: undefined }
    const socket = new Socket({ highWaterMark: WRITE_HIGH, onread: readInto(sink) } as SocketConstructorOpts)
    // As an option of `connect` it has no effect on a socket that is there already.
    socket.setNoDelay(true)
    try {
      socket.connect({
        host: to.host,
        port: to.port,
        ...(localAddress === undefined ? {} : { localAddress }),
      })
    } catch (error) {
      socket.destroy()
      throw error
    }
    socket.pause()
    const onClose = (): void =>
      reject(new RarestError('ECONNRESET', 'the connection closed before it was open'))
    const onConnect = (): void => {
      const local = endpoint(socket.localAddress, socket.localPort)
      const remote = endpoint(socket.remoteAddress, socket.remotePort) ?? to
      if (!local) {
        reject(new RarestError('ECONNRESET', `${to.host}:${to.port} closed the connection at once`))
        return
      }
      sink.stream = new SystemStream(socket, true, local, remote)
      resolve(sink.stream)
    }
    socket.on('connect', onConnect)
    socket.on('close', onClose)
    socket.on('error', reject)
    return (failure) => {
      socket.off('connect', onConnect)
      socket.off('close', onClose)
      socket.off('error', reject)
      if (!failure) return
      socket.on('error', ignore)
      socket.destroy()
    }
  })
}

/** Accepts TCP connections; the contract is `World.listen`. */
export function listenStreams(
  at: ListenOptions,
  accept: (stream: ByteStream) => void,
): Promise<StreamServer> {
  return new Promise((resolve, reject) => {
    const server = createServer(
      { pauseOnConnect: true, noDelay: true, highWaterMark: WRITE_HIGH },
      (socket) => {
        const local = endpoint(socket.localAddress, socket.localPort)
        const remote = endpoint(socket.remoteAddress, socket.remotePort)
        if (local && remote) accept(adopt(socket, local, remote))
        else {
          socket.on('error', ignore)
          socket.destroy()
        }
      },
    )
    server.once('error', reject)
    server.listen({ host: at.host, port: at.port, ipv6Only: at.host === '::' }, () => {
      server.off('error', reject)
      // An accept that fails (out of handles) loses that connection only.
      server.on('error', ignore)
      const bound = server.address()
      const address =
        typeof bound === 'object' && bound !== null
          ? { host: plainIp(bound.address), port: bound.port }
          : { host: '::', port: at.port }
      let closing: Promise<void> | undefined
      resolve({
        address,
        close() {
          // Not server.close's own callback: it waits for open streams, and never sees re-wrapped ones end.
          closing ??= new Promise((done) => {
            server.close(ignore)
            setImmediate(() => setImmediate(done))
          })
          return closing
        },
      })
    })
  })
}

/** IP text in the form of `ipFromBytes`: IPv4-mapped addresses become IPv4, zones are dropped. */
export function plainIp(text: string): string {
  if (!text.includes(':')) return text
  const bytes = ipToBytes(text)
  return bytes ? ipFromBytes(bytes) : text
}

interface Sink {
  stream: SystemStream | undefined
}

interface ReadOptions {
  readonly buffer: Uint8Array
  readonly callback: (bytes: number, buffer: Uint8Array) => boolean
}

function readInto(sink: Sink): ReadOptions {
  sharedBuffer ??= new Uint8Array(READ_BYTES)
  return {
    buffer: sharedBuffer,
    callback: (bytes, buffer) => {
      sink.stream?.received(buffer.subarray(0, bytes))
      return true
    },
  }
}

/** The part of Node's TCP handle that tells whether a wrapped-again socket would read into our buffer. */
interface RawHandle {
  useUserBuffer?: unknown
  readStart?: unknown
  reading?: boolean
}

function adopt(socket: Socket, local: Address, remote: Address): SystemStream {
  const holder = socket as unknown as { _handle: RawHandle | null }
  const handle = holder._handle
  if (!handle || typeof handle.useUserBuffer !== 'function' || typeof handle.readStart !== 'function')
    return new SystemStream(socket, false, local, remote)
  holder._handle = null
  const sink: Sink = { stream: undefined }
  const wrapped = new Socket({
    handle,
    pauseOnCreate: true,
    highWaterMark: WRITE_HIGH,
    onread: readInto(sink),
  } as SocketConstructorOpts)
  wrapped.pause()
  sink.stream = new SystemStream(wrapped, true, local, remote)
  return sink.stream
}

function endpoint(host: string | undefined, port: number | undefined): Address | undefined {
  return host === undefined || port === undefined ? undefined : { host: plainIp(host), port }
}

function ignore(): void {}

class SystemStream implements ByteStream {
  readonly transport = 'tcp'
  readonly remote: Address
  readonly local: Address
  private readonly socket: Socket
  private readonly onread: boolean
  private listener: StreamListener | undefined
  private error: Error | undefined
  /** Callbacks of writes under way, oldest first: Node completes them in order. */
  private readonly waiting: (() => void)[] = []
  private held = false
  private paused = false
  private ended = false
  private closed = false
  private linger: NodeJS.Timeout | undefined

  constructor(socket: Socket, onread: boolean, local: Address, remote: Address) {
    this.socket = socket
    this.onread = onread
    this.local = local
    this.remote = remote
    socket.on('error', (error) => {
      this.error ??= error
    })
    socket.on('close', () => this.finish())
  }

  get queued(): number {
    return this.socket.writableLength
  }

  listen(listener: StreamListener): void {
    const first = this.listener === undefined
    this.listener = listener
    if (this.closed) {
      process.nextTick(() => listener.close(this.error))
      return
    }
    if (first && !this.onread) this.socket.on('data', (chunk) => this.received(chunk))
    if (!this.paused) this.socket.resume()
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    const socket = this.socket
    const last = chunks.length - 1
    if (last < 0 || this.ended || this.closed || socket.destroyed) {
      if (sent) process.nextTick(sent)
      return last < 0 && !this.held
    }
    this.waiting.push(sent ?? ignore)
    if (last > 0) {
      socket.cork()
      for (let i = 0; i < last; i++) socket.write(chunks[i] as Uint8Array)
    }
    socket.write(chunks[last] as Uint8Array, this.wrote)
    if (last > 0) socket.uncork()
    if (socket.writableLength >= WRITE_HIGH) this.held = true
    return !this.held
  }

  pause(): void {
    if (this.paused) return
    this.paused = true
    if (this.listener && !this.closed) this.socket.pause()
  }

  resume(): void {
    if (!this.paused) return
    this.paused = false
    if (this.listener && !this.closed) this.socket.resume()
  }

  end(): void {
    if (this.ended || this.closed) return
    this.ended = true
    this.linger = setTimeout(() => this.socket.destroy(), LINGER)
    // Unread, the remote's own end would never be seen.
    if (this.paused || !this.listener) this.socket.destroySoon()
    else this.socket.end()
  }

  destroy(): void {
    this.ended = true
    this.socket.destroy()
  }

  /** Hands arrived bytes to the listener; called by the socket only. */
  received(chunk: Uint8Array): void {
    if (!this.socket.destroyed) this.listener?.data(chunk)
  }

  private readonly wrote = (): void => {
    this.waiting.shift()?.()
    if (this.held && this.socket.writableLength === 0 && !this.socket.destroyed) {
      this.held = false
      this.listener?.drain()
    }
  }

  private finish(): void {
    if (this.closed) return
    this.closed = true
    if (this.linger) clearTimeout(this.linger)
    for (const sent of this.waiting.splice(0)) sent()
    this.listener?.close(this.error)
  }
}
