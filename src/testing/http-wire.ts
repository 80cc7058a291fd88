/**
 * HTTP/1.1 on one stream, as little of it as both ends of a virtual exchange need.
 * @module
 */

import { tooLarge } from '../net/http/body.js'
import type { ByteStream } from '../net/world.js'
import { concatBytes, utf8 } from '../util/bytes.js'
import { RarestError } from '../util/errors.js'

/** Bytes that wait for their reader before the stream is paused. */
const BUFFER = 65_536
/** Bytes of the line before a chunk. */
const MAX_LINE = 1_024
const MAX_TRAILER = 8_192

/** First line and headers of a message. */
export interface Head {
  readonly first: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
}

/** The bytes of a stream, read when they are asked for; owns the stream. */
export class HttpWire {
  readonly stream: ByteStream
  /** Bytes read and written so far. */
  moved = 0
  #buffer: Uint8Array = new Uint8Array(0)
  #end: { readonly error: Error | undefined } | undefined
  #wake: (() => void) | undefined
  /** Called when the stream has ended. */
  onEnd: (() => void) | undefined

  constructor(stream: ByteStream) {
    this.stream = stream
    stream.listen({
      data: (chunk) => {
        this.moved += chunk.length
        this.#buffer = concatBytes(this.#buffer, chunk)
        if (this.#buffer.length >= BUFFER) stream.pause()
        this.#wake?.()
      },
      drain() {},
      close: (error) => {
        this.#end = { error }
        this.#wake?.()
        this.onEnd?.()
      },
    })
  }

  /** The stream has ended. */
  get isOver(): boolean {
    return this.#end !== undefined
  }

  /** Resolves when the bytes have left, or never will. */
  write(...chunks: readonly Uint8Array[]): Promise<void> {
    return new Promise((resolve) => {
      this.stream.write(chunks, () => {
        for (const { length } of chunks) this.moved += length
        resolve()
      })
    })
  }

  /** Rejects with `http/headers-too-large`, or `ECONNRESET` when the stream ends before. */
  async head(maxBytes: number): Promise<Head> {
    const text = await this.#until('\r\n\r\n', maxBytes)
    if (text === undefined)
      throw new RarestError('http/headers-too-large', `the head is longer than ${maxBytes} bytes`)
    const [first = '', ...lines] = text.split('\r\n')
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    })
    return { first, headers: Object.fromEntries(headers) }
  }

  /** The body that belongs to these headers; without any length it is what comes until the end (`toEnd`), or nothing. */
  async *body(
    { headers }: Head,
    maxBytes: number,
    { toEnd }: { readonly toEnd: boolean },
  ): AsyncGenerator<Uint8Array> {
    let length = 0
    for await (const chunk of this.#framed(headers, maxBytes, toEnd)) {
      length += chunk.length
      if (length > maxBytes) throw tooLarge(maxBytes)
      yield chunk
    }
  }

  async *#framed(headers: Head['headers'], maxBytes: number, toEnd: boolean): AsyncGenerator<Uint8Array> {
    const declared = headers['content-length']
    if (/\bchunked\b/i.test(headers['transfer-encoding'] ?? '')) {
      yield* this.#chunked()
    } else if (declared !== undefined) {
      if (!/^\d{1,15}$/.test(declared)) throw new RarestError('http/bad-response', 'no valid content-length')
      if (Number(declared) > maxBytes) throw tooLarge(maxBytes)
      yield* this.#exactly(Number(declared))
    } else if (toEnd) {
      for (let chunk = await this.#some(); chunk; chunk = await this.#some()) yield chunk
    }
  }

  async *#chunked(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const line = await this.#until('\r\n', MAX_LINE)
      const size = Number.parseInt(/^[0-9a-fA-F]{1,12}/.exec(line ?? '')?.[0] ?? '', 16)
      if (Number.isNaN(size)) throw new RarestError('http/bad-response', 'no valid chunk')
      if (size === 0) {
        for (let trailer = 0, rest: string | undefined = 'x'; rest !== ''; trailer += rest.length) {
          rest = await this.#until('\r\n', MAX_LINE)
          if (rest === undefined || trailer > MAX_TRAILER)
            throw new RarestError('http/bad-response', 'the trailer is too long')
        }
        return
      }
      yield* this.#exactly(size)
      if ((await this.#until('\r\n', 0)) !== '') throw new RarestError('http/bad-response', 'no valid chunk')
    }
  }

  async *#exactly(length: number): AsyncGenerator<Uint8Array> {
    for (let left = length; left > 0; ) {
      const chunk = await this.#some(left)
      if (!chunk) throw cutOff()
      left -= chunk.length
      yield chunk
    }
  }

  /** The next bytes that are there, at most so many; undefined at the end. */
  async #some(maxBytes: number = Number.POSITIVE_INFINITY): Promise<Uint8Array | undefined> {
    while (this.#buffer.length === 0) if (!(await this.#more())) return undefined
    return this.#take(Math.min(maxBytes, this.#buffer.length))
  }

  /** The text before a mark, which is taken too; undefined when it does not come within so many bytes. */
  async #until(mark: string, maxBytes: number): Promise<string | undefined> {
    for (;;) {
      // One character for each byte, so that lengths agree.
      const text = Array.from(this.#buffer.subarray(0, maxBytes + mark.length), (byte) =>
        String.fromCharCode(byte),
      ).join('')
      const end = text.indexOf(mark)
      if (end >= 0) {
        this.#take(end + mark.length)
        return text.slice(0, end)
      }
      if (this.#buffer.length >= maxBytes + mark.length) return undefined
      if (!(await this.#more())) throw cutOff()
    }
  }

  #take(length: number): Uint8Array {
    const taken = this.#buffer.slice(0, length)
    this.#buffer = this.#buffer.subarray(length)
    if (this.#buffer.length < BUFFER) this.stream.resume()
    return taken
  }

  /** Waits for more bytes; false when there are none to come. Rejects when the stream broke. */
  async #more(): Promise<boolean> {
    const { length } = this.#buffer
    while (!this.#end && this.#buffer.length === length)
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    this.#wake = undefined
    if (this.#buffer.length > length) return true
    if (this.#end?.error) throw this.#end.error
    return false
  }
}

/** First line and headers as they are sent. */
export function headOf(first: string, headers: Readonly<Record<string, string>>): Uint8Array {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return utf8(`${first}\r\n${lines.join('')}\r\n`)
}

function cutOff(): RarestError {
  return new RarestError('ECONNRESET', 'the connection closed within the message')
}
