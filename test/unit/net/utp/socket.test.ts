import { once } from 'node:events'
import { Readable } from 'node:stream'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { afterEach, describe, expect, it } from 'vitest'
import {
  connect,
  createServer,
  type UtpConnectOptions,
  type UtpServer,
  type UtpServerOptions,
} from '../../../../src/net/utp/server.js'
import type { UtpSocket } from '../../../../src/net/utp/socket.js'
import { equalBytes } from '../../../../src/util/bytes.js'
import { hasIpv6 } from '../../../support/ipv6.js'
import { expectNothingLeft } from '../../../support/resources.js'

const MIB = 1024 * 1024
const servers: UtpServer[] = []

/** A socket from a node that the test closes: one by `connect` closes its own, after three seconds. */
function dial(to: UtpConnectOptions): UtpSocket {
  const node = createServer()
  servers.push(node)
  return node.connect(to)
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.destroy()
  await expectNothingLeft([], /UDP|Timeout|Immediate/)
})

async function serve(
  listener: (socket: UtpSocket) => void,
  options?: UtpServerOptions,
): Promise<{ readonly server: UtpServer; readonly to: { readonly host: string; readonly port: number } }> {
  const server = createServer(options, listener)
  servers.push(server)
  const { port } = await server.listen({ host: '127.0.0.1' })
  return { server, to: { host: '127.0.0.1', port } }
}

function echo(socket: UtpSocket): void {
  socket.on('error', () => {})
  socket.pipe(socket)
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8)) & 0xff)
}

describe('rarest/utp', () => {
  it('connects, echoes and closes', async () => {
    const { server, to } = await serve(echo)
    const socket = connect(to)
    expect(socket.connecting).toBe(true)
    await once(socket, 'connect')
    expect(socket.remote).toEqual(to)
    expect(socket.connecting).toBe(false)
    socket.end('hello')
    expect(await text(socket)).toBe('hello')
    if (!socket.closed) await once(socket, 'close')
    expect(socket.stats?.bytesSent).toBe(5)
    while (server.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  })

  it.runIf(hasIpv6)('does so over IPv6', async () => {
    const server = createServer({}, echo)
    servers.push(server)
    const { port } = await server.listen({ host: '::1' })
    const socket = dial({ host: '::1', port })
    socket.end(pattern(MIB))
    expect(equalBytes(await buffer(socket), pattern(MIB))).toBe(true)
    expect(socket.remote).toEqual({ host: '::1', port })
    expect(socket.stats?.mtu).toBeGreaterThanOrEqual(1232)
  })

  it('takes what is written before it is connected, and a name for a host', async () => {
    const { to } = await serve(echo)
    const socket = dial({ ...to, host: 'localhost' })
    socket.write('a')
    socket.end('b')
    expect(await text(socket)).toBe('ab')
  })

  it('carries megabytes through pipelines, both ways at once', async () => {
    const { to } = await serve(echo)
    const sent = pattern(12 * MIB + 5)
    const socket = dial(to)
    const [received] = await Promise.all([
      buffer(socket),
      pipeline(Readable.from(chunksOf(sent, 100_000)), socket, { end: true }).catch(() => {}),
    ])
    expect(equalBytes(received, sent)).toBe(true)
  })

  it('holds a writer back while nobody reads, and lets it go on', async () => {
    const { to } = await serve((socket) => {
      socket.on('error', () => {})
      setTimeout(() => socket.resume(), 200)
    })
    const socket = dial(to)
    const chunk = pattern(MIB)
    let held = 0
    for (let i = 0; i < 32; i++) {
      if (socket.write(chunk)) continue
      held++
      await once(socket, 'drain')
    }
    expect(held).toBeGreaterThan(0)
    // What nobody has read is not in our memory.
    expect(socket.stats?.bytesSent).toBeGreaterThan(8 * MIB)
    socket.destroy()
    await once(socket, 'close')
  })

  it('holds the remote back while it is not read', async () => {
    let there: UtpSocket | undefined
    const { to } = await serve((socket) => {
      there = socket
      socket.on('error', () => {})
      socket.end(pattern(24 * MIB))
    })
    const socket = dial(to)
    await once(socket, 'connect')
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(socket.stats?.bytesReceived).toBeLessThan(8 * MIB)
    expect(there?.writableFinished).toBe(false)
    expect((await buffer(socket)).length).toBe(24 * MIB)
  })

  it('stays half open where both want that', async () => {
    const { to } = await serve(
      (socket) => {
        // Not by an iterator: these destroy what they have read to the end.
        const heard: Buffer[] = []
        socket.on('data', (chunk: Buffer) => heard.push(chunk))
        socket.on('end', () => {
          socket.write(`${Buffer.concat(heard)}? `)
          setTimeout(() => socket.end('yes'), 50)
        })
      },
      { allowHalfOpen: true },
    )
    const socket = dial({ ...to, allowHalfOpen: true })
    socket.end('ready')
    expect(await text(socket)).toBe('ready? yes')
  })

  it('ends its side with the remote by default', async () => {
    const { to } = await serve((socket) => socket.end('bye'))
    const socket = dial(to)
    expect(await text(socket)).toBe('bye')
    if (!socket.closed) await once(socket, 'close')
    expect(socket.writableEnded).toBe(true)
  })

  it('tells of a reset by its code', async () => {
    const { to } = await serve((socket) => {
      socket.once('data', () => socket.destroy())
    })
    const socket = dial(to)
    socket.write('x')
    const [error] = (await once(socket, 'error')) as [{ code: string }]
    expect(error.code).toBe('utp/reset')
    expect(socket.destroyed).toBe(true)
  })

  it('fails with a code where nobody answers, and with the reason of a signal', async () => {
    const { to } = await serve(echo, { welcome: () => false })
    const unheard = dial({ ...to, timeout: 50 })
    expect(await once(unheard, 'error')).toMatchObject([{ code: 'ETIMEDOUT' }])
    const reason = new Error('enough')
    const abort = new AbortController()
    const given = dial({ ...to, signal: abort.signal })
    abort.abort(reason)
    expect(await once(given, 'error')).toEqual([reason])
    const early = dial(to)
    early.destroy()
    await once(early, 'close')
  })

  it('refuses a taken port', async () => {
    const { to } = await serve(echo)
    const other = createServer()
    await expect(other.listen(to)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await other.close()
  })

  it('connects from the port of a server, and closes it when the last connection has ended', async () => {
    const seen: (number | undefined)[] = []
    const { to } = await serve((socket) => {
      seen.push(socket.remote?.port)
      echo(socket)
    })
    const { server, to: own } = await serve(echo)
    const socket = server.connect(to)
    socket.write('x')
    await once(socket, 'data')
    const closing = server.close()
    let closed = false
    void closing.then(() => {
      closed = true
    })
    socket.write('y')
    await once(socket, 'data')
    expect([seen, closed]).toEqual([[own.port], false])
    socket.end()
    await closing
    expect(server.connections).toBe(0)
  })

  it('opens and closes a thousand connections', async () => {
    const { server, to } = await serve(echo)
    const { server: ours } = await serve(echo)
    const visit = async (i: number) => {
      const socket = ours.connect(to)
      socket.end(String(i))
      expect(await text(socket)).toBe(String(i))
    }
    for (let round = 0; round < 20; round++)
      await Promise.all(Array.from({ length: 50 }, (_, i) => visit(round * 50 + i)))
    while (server.connections + ours.connections > 0) await new Promise((resolve) => setImmediate(resolve))
  })
})

function* chunksOf(bytes: Uint8Array, length: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}
