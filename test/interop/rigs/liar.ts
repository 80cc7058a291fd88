/** A seed on a real socket that sends everything right but for what `mend` changes. */

import { createServer, type Server, type Socket } from 'node:net'
import {
  decodeMessage,
  encodeHandshake,
  encodeMessage,
  HANDSHAKE_LENGTH,
  type Message,
  reservedBits,
} from '../../../src/wire/index.js'

export interface LiarOptions {
  readonly infoHash: Uint8Array
  readonly pieceLength: number
  readonly data: Uint8Array
  /** May change the bytes of a block before they leave. */
  readonly mend: (bytes: Uint8Array, piece: number, begin: number) => void
  /** ms between request and answer. */
  readonly delay?: number
}

export class Liar {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  static async start(options: LiarOptions): Promise<Liar> {
    const liar = new Liar(options)
    await new Promise<void>((resolve) => liar.#server.listen(0, '127.0.0.1', resolve))
    return liar
  }

  private constructor(options: LiarOptions) {
    this.#server = createServer((socket) => this.#serve(socket, options))
  }

  get address(): string {
    const address = this.#server.address()
    return `127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket, { infoHash, pieceLength, data, mend, delay = 0 }: LiarOptions): void {
    this.#sockets.add(socket)
    const send = (...messages: readonly Message[]): void => {
      if (!socket.destroyed) socket.write(Buffer.concat(messages.map(encodeMessage)))
    }
    const handshake = { infoHash, peerId: Buffer.from('-XX0000-abcdefghijkl') }
    socket.write(encodeHandshake({ ...handshake, reserved: reservedBits({ fast: true, extended: false }) }))
    send({ type: 'have-all' }, { type: 'unchoke' })
    let bytes = Buffer.alloc(0)
    let greeted = false
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      bytes = Buffer.concat([bytes, chunk])
      if (!greeted) {
        if (bytes.length < HANDSHAKE_LENGTH) return
        bytes = bytes.subarray(HANDSHAKE_LENGTH)
        greeted = true
      }
      while (bytes.length >= 4 && bytes.length >= 4 + bytes.readUInt32BE(0)) {
        const end = 4 + bytes.readUInt32BE(0)
        const message = decodeMessage(bytes.subarray(0, end))
        bytes = bytes.subarray(end)
        if (!message.ok) throw message.error
        if (message.value.type === 'hash-request')
          send({ type: 'hash-reject', request: message.value.request })
        if (message.value.type !== 'request') continue
        const { piece, begin, length } = message.value
        const from = piece * pieceLength + begin
        const block = new Uint8Array(length)
        block.set(data.subarray(from, from + length))
        mend(block, piece, begin)
        setTimeout(() => send({ type: 'piece', piece, begin, data: block }), delay)
      }
    })
  }
}
