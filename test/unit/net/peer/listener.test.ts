import { describe, expect, it } from 'vitest'
import { encryptionKind } from '../../../../src/net/peer/encryption.js'
import { Listener } from '../../../../src/net/peer/listener.js'
import { Scheduler } from '../../../../src/net/scheduler.js'
import type { ByteStream } from '../../../../src/net/world.js'
import { VirtualNetwork } from '../../../../src/testing/index.js'
import { encodeHandshake } from '../../../../src/wire/index.js'

const SETTINGS = {
  transport: { handshakeTimeoutMs: 5_000, encryption: encryptionKind.check('disabled', 'encryption') },
}
const infoHash = new Uint8Array(20).fill(1)
const ours = { infoHash, peerId: new Uint8Array(20).fill(2) }
const theirs = encodeHandshake({ infoHash, peerId: new Uint8Array(20).fill(3), reserved: new Uint8Array(8) })

async function setUp(welcome: () => boolean = () => true) {
  const network = new VirtualNetwork({ seed: 1 })
  const host = network.host()
  const caller = network.host()
  const accepted: ByteStream[] = []
  const listener = new Listener({
    world: host.world,
    scheduler: new Scheduler(host.world),
    settings: SETTINGS,
    welcome,
    identify: () => ours,
    accepted: (stream) => {
      accepted.push(stream)
      stream.listen({ data() {}, drain() {}, close() {} })
    },
  })
  const port = await network.run({ until: listener.open({ port: 6881 }) })
  const call = async () => {
    const stream = await network.run({
      until: caller.world.connect({ host: host.ip, port: 6881 }, { timeout: 1_000 }),
    })
    const ended = { closed: false }
    stream.listen({
      data() {},
      drain() {},
      close() {
        ended.closed = true
      },
    })
    return { stream, ended }
  }
  return { network, host, caller, listener, accepted, port, call }
}

describe('Listener', () => {
  it('accepts streams that shake hands', async () => {
    const { network, listener, accepted, port, call } = await setUp()
    expect(port).toBe(6881)
    const { stream, ended } = await call()
    expect(accepted).toEqual([])
    stream.write([theirs])
    await network.advance(100)
    expect(accepted).toHaveLength(1)
    await network.run({ until: listener.close() })
    expect(ended.closed).toBe(false)
  })

  it('turns streams away without reading a byte when there is no room', async () => {
    const { network, accepted, call } = await setUp(() => false)
    const { stream, ended } = await call()
    stream.write([theirs])
    await network.advance(100)
    expect(accepted).toEqual([])
    expect(ended.closed).toBe(true)
  })

  it('drops slow handshakes, and the oldest when there are too many', async () => {
    const { network, call } = await setUp()
    const calls = []
    for (let i = 0; i < 103; i++) calls.push(await call())
    await network.advance(100)
    expect(calls.map(({ ended }) => ended.closed).lastIndexOf(true)).toBe(2)
    expect(calls.filter(({ ended }) => ended.closed)).toHaveLength(3)
    await network.advance(6_000)
    expect(calls.every(({ ended }) => ended.closed)).toBe(true)
  })

  it('closes with unfinished handshakes, and frees the port', async () => {
    const { network, host, listener, call } = await setUp()
    const { ended } = await call()
    await network.run({ until: listener.close() })
    await network.advance(100)
    expect(ended.closed).toBe(true)
    await network.advance(10_000)
    expect(host.open).toEqual([])
  })

  it('reports a port that is taken', async () => {
    const { network, host } = await setUp()
    const second = new Listener({
      world: host.world,
      scheduler: new Scheduler(host.world),
      settings: SETTINGS,
      welcome: () => true,
      identify: () => undefined,
      accepted: () => {},
    })
    await expect(network.run({ until: second.open({ port: 6881 }) })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    await network.run({ until: second.close() })
  })
})
