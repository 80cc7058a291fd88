import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSession } from '../../../src/cli/open-session.js'
import { MemoryStorage } from '../../../src/entry/storage.js'
import type { Warning } from '../../../src/index.js'

describe('openSession', () => {
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rarest-open-session-'))
  })

  afterEach(() => rm(folder, { recursive: true, force: true }))

  it('hears the warning of a UDP port that is taken', async () => {
    const taken = await takeUdpPort()
    const warnings: Warning[] = []
    const flags = { host: '127.0.0.1', port: taken.address().port, bootstrap: [] }
    const opened = await openSession(flags, { storage: () => new MemoryStorage() }, (warning) =>
      warnings.push(warning),
    )
    try {
      expect(await opened.session.ready).toBe(flags.port)
    } finally {
      await opened.close()
      taken.close()
    }
    expect(warnings.map(({ code }) => code)).toEqual(['session/udp-failed'])
  })

  it('closes the session also where the state of the DHT cannot be read or kept', async () => {
    const flags = { host: '127.0.0.1', bootstrap: [], dhtState: join(folder, 'none', 'state') }
    const opened = await openSession(flags, { storage: () => new MemoryStorage() })
    await opened.session.ready
    await opened.close()
    // A folder is no file to begin with.
    await expect(openSession({ ...flags, dhtState: folder }, {})).rejects.toMatchObject({ code: 'EISDIR' })
  })
})

/** A UDP socket whose port is free for TCP: other tests hold ports at the same time. */
async function takeUdpPort(): Promise<Socket> {
  for (;;) {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    const server = createServer().listen(socket.address().port, '127.0.0.1')
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    )
    server.close()
    if (isFree) return socket
    socket.close()
  }
}
