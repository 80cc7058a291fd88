import { describe, expect, it } from 'vitest'
import { decodePex, PEX_FLAGS } from '../../../../src/pex/index.js'
import { PeerExchange } from '../../../../src/torrent/extensions/ut-pex.js'
import type { Connection } from '../../../../src/torrent/peers/connection.js'
import type { SwarmContext } from '../../../../src/torrent/peers/swarm-context.js'

interface Told {
  readonly transport?: 'tcp' | 'utp'
  readonly extensions?: readonly string[]
  readonly initiator?: boolean
}

/** A connected peer at 10.0.0.`n` that listens on port `n`; `sent` collects what it is told. */
function connected(n: number, { transport = 'tcp', extensions = [], initiator = false }: Told = {}) {
  const sent: Uint8Array[] = []
  const address = { host: `10.0.0.${n}`, port: n }
  const made = {
    known: { address },
    initiator,
    stream: { transport, remote: address, local: { host: '10.0.0.99', port: 1 } },
    peer: {
      isSeed: false,
      extension: { port: n, extensions: new Map(extensions.map((name, i) => [name, i + 1])) },
      extended: (_id: number, payload: Uint8Array) => sent.push(payload),
    },
    touch() {},
    end() {},
  }
  return { connection: made as unknown as Connection, sent }
}

describe('the flags that peers are told of others', () => {
  it('say who is connected by uTP, who takes part in holepunching, and whom we dialled', () => {
    const listener = connected(1, { extensions: ['ut_pex'] })
    const others = [
      connected(2, { transport: 'utp' }),
      connected(3, { extensions: ['ut_holepunch'] }),
      connected(4, { initiator: true }),
      connected(5, { transport: 'utp', extensions: ['ut_holepunch'], initiator: true }),
    ]
    const connections = new Set([listener, ...others].map(({ connection }) => connection))
    const context = { connections, listenPort: () => 6881 } as unknown as SwarmContext
    const exchange = new PeerExchange(context, () => 0)
    exchange.tick(1000)
    const message = decodePex(listener.sent[0] as Uint8Array)
    expect(message.ok && message.value.added.map(({ address, flags }) => [address.port, flags])).toEqual([
      [2, PEX_FLAGS.utp],
      [3, PEX_FLAGS.holepunch],
      [4, PEX_FLAGS.reachable],
      [5, PEX_FLAGS.utp | PEX_FLAGS.holepunch | PEX_FLAGS.reachable],
    ])
  })
})
