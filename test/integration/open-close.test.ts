import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openDht } from '../../src/entry/dht.js'
import { Session } from '../../src/index.js'
import { TrackerServer } from '../../src/net/tracker/server.js'
import { UtpServer } from '../../src/net/utp/server.js'
import { expectNothingLeft, openResources } from '../support/resources.js'

interface Opened {
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const host = '127.0.0.1'
const KINDS: Record<string, (port: number) => Promise<{ readonly it: Opened; readonly port: number }>> = {
  async session(port) {
    const session = await Session.open({ host, port, dht: false, utp: false })
    return { it: session, port: await session.ready }
  },
  async tracker(port) {
    const tracker = await TrackerServer.open({ host, port })
    return { it: tracker, port: tracker.listening?.port ?? 0 }
  },
  async 'uTP server'(port) {
    const server = await UtpServer.open({ host, port })
    return { it: server, port: server.address?.port ?? 0 }
  },
  async 'DHT node'(port) {
    const dht = await openDht({ host, port, bootstrap: [] })
    return { it: dht, port: dht.port }
  },
}

let before: ReturnType<typeof openResources>

beforeEach(() => {
  before = openResources()
})

afterEach(() => expectNothingLeft(before, /UDP|TCP|Timeout/))

describe.each(Object.entries(KINDS))('a %s', (_, open) => {
  it('is open when it is there, and closed when close() resolves, as often as it is called', async () => {
    const first = await open(0)
    expect(first.port).toBeGreaterThan(0)
    await expect(open(first.port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await Promise.all([first.it.close(), first.it.close()])
    const again = await open(first.port)
    expect(again.port).toBe(first.port)
    await again.it[Symbol.asyncDispose]()
    await again.it.close()
    await (await open(first.port)).it.close()
  })
})
