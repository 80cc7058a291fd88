import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { connect, createServer, UtpServer, type UtpSocket } from '../../../../src/entry/utp.js'
import { uncaughtDuring } from '../../../support/uncaught.js'

const host = '127.0.0.1'

/** A server that answers what it gets, and one that throws in a listener, side by side. */
async function echoing(): Promise<{ readonly server: UtpServer; readonly port: number }> {
  const server = createServer({}, (socket) => socket.on('error', () => {}).pipe(socket))
  const { port } = await server.listen({ host })
  return { server, port }
}

async function echo(port: number): Promise<string> {
  const socket = connect({ port })
  socket.end('echo')
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

describe('a listener that throws, over uTP', () => {
  for (const event of ['connection', 'listening', 'close'] as const) {
    it(`in '${event}' of a server: the server goes on, the error comes out once`, async () => {
      const error = new Error(event)
      const caught = await uncaughtDuring(async () => {
        const { server, port } = await echoing()
        let thrown = 0
        server.prependListener(event, () => {
          if (thrown++ === 0) throw error
        })
        if (event === 'listening') await server.listen({ host })
        // Nobody took the first one: it stays as it is until the server goes.
        const first = event === 'connection' ? connect({ port }) : undefined
        if (first) {
          first.on('error', () => {})
          first.write('hello')
          await once(first, 'connect')
        }
        expect(await echo(port)).toBe('echo')
        await server.destroy()
        first?.destroy()
      })
      expect(caught).toEqual([error])
    })
  }

  it('in the function that welcomes: turns the caller away', async () => {
    const error = new Error('welcome')
    const caught = await uncaughtDuring(async () => {
      let thrown = 0
      const server = new UtpServer({
        welcome: () => {
          if (thrown++ === 0) throw error
          return true
        },
      })
      server.on('connection', (socket) => socket.on('error', () => {}).pipe(socket))
      const { port } = await server.listen({ host })
      // The first packet is lost on the door; the next is welcome.
      expect(await echo(port)).toBe('echo')
      await server.destroy()
    })
    expect(caught).toEqual([error])
  })

  for (const event of ['connect', 'data', 'readable', 'end', 'drain', 'finish', 'close'] as const) {
    it(`in '${event}' of a socket: others go on, nothing is left open, the error comes out once`, async () => {
      const error = new Error(event)
      const caught = await uncaughtDuring(async (soFar) => {
        const { server, port } = await echoing()
        const node = new UtpServer()
        const socket = node.connect({ port })
        const other = node.connect({ port })
        for (const each of [socket, other]) each.on('error', () => {})
        let text = ''
        other.on('data', (chunk: Uint8Array) => {
          text += String(chunk)
        })
        let thrown = 0
        socket.on(event, () => {
          if (thrown++ === 0) throw error
        })
        if (event !== 'data' && event !== 'readable') socket.resume()
        socket.write(Buffer.alloc(300_000))
        other.write('one ')
        await until(() => text === 'one ')
        if (event === 'end' || event === 'finish') socket.end()
        if (event === 'close') socket.destroy()
        await until(() => soFar.length > 0)
        other.end('two')
        await once(other, 'end')
        expect(text).toBe('one two')
        await closed(socket)
        await closed(other)
        await node.destroy()
        await server.destroy()
      })
      expect(caught).toEqual([error])
    })
  }
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

async function closed(socket: UtpSocket): Promise<void> {
  if (!socket.destroyed) socket.destroy()
  await until(() => socket.destroyed)
}
