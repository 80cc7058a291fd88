/**
 * A web site that misbehaves as it is told: what trackers, web seeds and torrent files at a URL have to live with.
 * @module
 */

import type { StreamServer, World } from '../net/world.js'
import { utf8 } from '../util/bytes.js'
import { type Head, HttpWire, headOf } from './http-wire.js'

/** What goes wrong with an answer. */
export type SiteFault =
  /** The body comes at this rate. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** The connection closes after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly after: number }
  /** The answer claims this length; the body keeps its own. */
  | { readonly kind: 'length'; readonly declared: number }
  /** Zeros without an end, and no length. */
  | { readonly kind: 'endless' }
  /** Somewhere else; status 302 by default. */
  | { readonly kind: 'redirect'; readonly to: string; readonly status?: number }
  /** This status and no body. */
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** A range is answered with all of it, and status 200. */
  | { readonly kind: 'no-range' }
  /** One byte of the body is wrong: the one at this place of the file, when it is asked for. */
  | { readonly kind: 'corrupt'; readonly at: number }
  /** No answer, the connection stays. */
  | { readonly kind: 'silent' }
  /** No HTTP. */
  | { readonly kind: 'garbage' }

/** A request that a site has seen. */
export interface SiteRequest {
  readonly method: string
  /** Percent-decoded. */
  readonly path: string
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
}

/** What a site has, and does wrong. */
export interface SiteOptions {
  /** Contents by path, `/name`; other paths are answered with 404. */
  readonly files: Readonly<Record<string, Uint8Array>>
  /** Asked for each request; undefined: all is well. */
  readonly fault?: (request: SiteRequest) => SiteFault | undefined
  /** Default: all addresses. */
  readonly host?: string
  /** Default 80. */
  readonly port?: number
}

/** A running site. */
export interface Site extends StreamServer {
  /** All that were asked, in order. */
  readonly requests: readonly SiteRequest[]
}

/** Bytes in one write, so that faults have a place to happen. */
const CHUNK = 16_384
const HEADER_BYTES = 16_384

/** Opens a site, in any world: a virtual one, or on loopback. Answers GET and HEAD, and ranges (RFC 9110, section 14). */
export async function serveSite(world: World, options: SiteOptions): Promise<Site> {
  const requests: SiteRequest[] = []
  const wires = new Set<HttpWire>()
  const { host, port = 80 } = options
  const server = await world.listen({ port, ...(host !== undefined && { host }) }, (stream) => {
    const wire = new HttpWire(stream)
    wires.add(wire)
    void (async () => {
      const request = requestOf(await wire.head(HEADER_BYTES))
      requests.push(request)
      await answer(world, wire, request, options)
    })()
      .catch(() => stream.destroy())
      .finally(() => {
        // A silent one is closed with the site.
        if (wire.isOver) wires.delete(wire)
        else wire.onEnd = () => wires.delete(wire)
      })
  })
  return {
    address: server.address,
    requests,
    async close() {
      const closed = server.close()
      for (const { stream } of [...wires]) stream.destroy()
      await closed
    },
  }
}

async function answer(
  world: World,
  wire: HttpWire,
  request: SiteRequest,
  options: SiteOptions,
): Promise<void> {
  const fault = options.fault?.(request)
  const head = (status: number, headers: Readonly<Record<string, string>>): Promise<void> =>
    wire.write(headOf(`HTTP/1.1 ${status} -`, { connection: 'close', ...headers }))
  switch (fault?.kind) {
    case 'silent':
      return
    case 'garbage':
      await wire.write(utf8('d8:intervali1800ee\r\n\r\n'))
      wire.stream.end()
      return
    case 'redirect':
      await head(fault.status ?? 302, { location: fault.to, 'content-length': '0' })
      wire.stream.end()
      return
    case 'status':
      await head(fault.status, { 'content-length': '0', ...fault.headers })
      wire.stream.end()
      return
    case 'endless':
      await head(200, {})
      for (;;) await write(world, wire, new Uint8Array(CHUNK))
  }
  const file = options.files[request.path]
  if (!file) {
    await head(404, { 'content-length': '0' })
    wire.stream.end()
    return
  }
  const range = fault?.kind === 'no-range' ? undefined : rangeOf(request.headers.range, file.length)
  if (range === 'none') {
    await head(416, { 'content-length': '0', 'content-range': `bytes */${file.length}` })
    wire.stream.end()
    return
  }
  const { start, end } = range ?? { start: 0, end: file.length }
  const body = file.slice(start, end)
  if (fault?.kind === 'corrupt' && fault.at >= start && fault.at < end)
    body[fault.at - start] = (body[fault.at - start] as number) ^ 0xff
  const length = fault?.kind === 'length' ? fault.declared : body.length
  await head(range ? 206 : 200, {
    'content-length': String(length),
    'accept-ranges': 'bytes',
    ...(range && { 'content-range': `bytes ${start}-${end - 1}/${file.length}` }),
  })
  if (request.method !== 'HEAD') await send(world, wire, body, fault)
  wire.stream.end()
}

async function send(
  world: World,
  wire: HttpWire,
  body: Uint8Array,
  fault: SiteFault | undefined,
): Promise<void> {
  const last = fault?.kind === 'cut' ? Math.min(fault.after, body.length) : body.length
  const rate = fault?.kind === 'slow' ? fault.bytesPerSecond : undefined
  // At most ten writes a second: what is slow shall be slow from the first byte.
  const step = rate === undefined ? CHUNK : Math.max(1, Math.min(CHUNK, Math.ceil(rate / 10)))
  for (let at = 0; at < last; at += step) {
    const chunk = body.subarray(at, Math.min(last, at + step))
    if (rate !== undefined) await sleep(world, wire, (chunk.length * 1_000) / rate)
    await write(world, wire, chunk)
  }
}

/** Rejects once the client is gone, which may be told in a later turn of the event loop. */
async function write(world: World, wire: HttpWire, chunk: Uint8Array): Promise<void> {
  await wire.write(chunk)
  await new Promise<void>((resolve) => world.defer(resolve))
  if (wire.isOver) throw new Error('the client is gone')
}

function sleep(world: World, wire: HttpWire, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = world.setTimer(ms, () => {
      wire.onEnd = undefined
      resolve()
    })
    wire.onEnd = () => {
      timer.cancel()
      reject(new Error('the client is gone'))
    }
    if (wire.isOver) wire.onEnd()
  })
}

function requestOf({ first, headers }: Head): SiteRequest {
  const [method = '', target = ''] = first.split(' ')
  return { method, path: decodeURIComponent(target.split('?')[0] as string), headers }
}

function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'none' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (!match || (match[1] === '' && match[2] === '')) return undefined
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1])
  const end = match[1] === '' || match[2] === '' ? size : Math.min(size, Number(match[2]) + 1)
  return start < end ? { start, end } : 'none'
}
