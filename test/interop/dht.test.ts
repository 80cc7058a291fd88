/** Our DHT nodes and libtorrent's in one network on loopback, for each address family. */

import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type Dht, ed25519, type OpenDht, openDht } from '../../src/entry/dht.js'
import { systemWorld } from '../../src/net/system/world.js'
import { addressKey } from '../../src/util/address.js'
import { fromUtf8, toHex, utf8 } from '../../src/util/bytes.js'
import { JsonChild } from './rigs/child.mjs'
import { requireClient } from './rigs/clients.js'
import { type Scene, scene, until } from './rigs/scene.js'

const DRIVER = fileURLToPath(new URL('./rigs/dht-driver.py', import.meta.url))
/** Nodes of each kind: more than a bucket in all. */
const THEIRS = 6
const OURS = 6

const infoHash = (name: string): string => createHash('sha1').update(name).digest('hex')
const hex = (text: string): string => toHex(utf8(text))

/** libtorrent's nodes, by index. */
class Theirs {
  readonly child: JsonChild
  ports: number[] = []

  constructor(host: string) {
    const options = JSON.stringify({ addresses: Array.from({ length: THEIRS }, () => host) })
    this.child = new JsonChild('libtorrent DHT', '/usr/bin/python3', [DRIVER, options])
  }

  get log(): string {
    return this.child.log
  }

  async listen(): Promise<void> {
    for (let node = 0; node < THEIRS; node++) {
      const { port } = await this.child.event('listening', { match: (event) => event.node === node })
      this.ports[node] = port as number
    }
  }

  ask(node: number, cmd: string, more: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    return this.child.request({ cmd, node, ...more })
  }

  async stop(): Promise<void> {
    await this.child.stop()
  }
}

interface Mixed {
  readonly theirs: Theirs
  readonly ours: readonly Dht[]
  readonly opened: readonly OpenDht[]
}

/** libtorrent's first node is the router of half of ours; one of ours is that of libtorrent's others, and so on. */
async function mix(stage: Scene, host: string): Promise<Mixed> {
  const theirs = stage.own(new Theirs(host))
  await theirs.listen()
  const at = (port: number): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
  const opened: OpenDht[] = []
  for (let i = 0; i < OURS; i++) {
    const router = i % 2 === 0 ? theirs.ports[0] : opened[0]?.port
    const node = await openDht({ host, bootstrap: [at(router as number)] })
    stage.own({ stop: () => node.close() })
    opened.push(node)
  }
  for (let node = 1; node < THEIRS; node++) {
    const port = node % 2 === 0 ? theirs.ports[0] : opened[node]?.port
    await theirs.ask(node, 'add-node', { host, port })
  }
  await Promise.all(opened.map((node) => node.ready))
  return { theirs, opened, ours: opened }
}

async function all<T>(found: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = []
  for await (const value of found) values.push(value)
  return values
}

const hasIpv6 = await systemWorld()
  .bind({ host: '::1', port: 0 }, () => {})
  .then(
    (socket) => socket.close().then(() => true),
    () => false,
  )

describe.runIf(requireClient('libtorrent'))('a DHT of libtorrent and us', () => {
  it.each(hasIpv6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'])('on %s', async (host) => {
    const stage = scene()
    const { theirs, ours, opened } = await mix(stage, host)
    // Bootstrapped from each other: everybody knows most of the others.
    await until('our tables are filled', () =>
      ours.every((dht) => dht.stats.every(({ goodNodes }) => goodNodes >= 8)),
    )
    const key = (port: number): string => addressKey({ host, port })

    // What they announce we find.
    const announced = await theirs.ask(1, 'announce', { infoHash: infoHash('theirs') })
    await until('we find their peer', async () => {
      const peers = await all(ours[3]!.getPeers(infoHash('theirs')))
      return peers.map(addressKey).includes(key(announced.port as number))
    })

    // What we announce they find.
    const { stored } = await ours[2]!.announce(infoHash('ours'), { port: 7_777 }).done
    expect(stored).toBeGreaterThanOrEqual(8)
    await until('they find our peer', async () => {
      await theirs.ask(4, 'get-peers', { infoHash: infoHash('ours') })
      const found = await theirs.child
        .event('peers', { timeout: 3_000, match: (event) => event.infoHash === infoHash('ours') })
        .catch(() => undefined)
      return (found?.peers as string[] | undefined)?.includes(`${host}:7777`) === true
    })
    expect((await all(ours[5]!.getPeers(infoHash('ours')))).map(addressKey)).toContain(key(7_777))

    // Immutable items, both ways.
    const { target } = await theirs.ask(2, 'put', { value: hex('from libtorrent') })
    await theirs.child.event('put')
    expect(fromUtf8((await ours[4]!.get(target as string))?.value as Uint8Array)).toBe('from libtorrent')
    const put = await ours[1]!.put('from rarest')
    expect(put.stored).toBeGreaterThanOrEqual(8)
    await theirs.ask(3, 'get', { target: toHex(put.target) })
    const item = await theirs.child.event('item', { match: (event) => event.target === toHex(put.target) })
    expect(item.value).toBe(hex('from rarest'))

    // Mutable items, both ways: libtorrent's secret keys are the expanded form of a seed.
    const seed = new Uint8Array(32).fill(9)
    const publicKey = ed25519.publicKeyOf(seed)
    const secret = createHash('sha512').update(seed).digest()
    secret[0] = (secret[0] as number) & 248
    secret[31] = ((secret[31] as number) & 63) | 64
    const named = { key: toHex(publicKey), salt: hex('salt') }
    await theirs.ask(0, 'put-mutable', { ...named, secret: toHex(secret), value: hex('one') })
    await theirs.child.event('put')
    const first = await ours[0]!.getMutable(publicKey, { salt: utf8('salt') })
    expect(first && fromUtf8(first.value as Uint8Array)).toBe('one')
    const second = await ours[5]!.putMutable('two', { secretKey: seed, salt: utf8('salt') })
    if (second.item.type !== 'mutable' || !first) throw new Error('not mutable')
    expect(second.item.seq).toBe(first.item.seq + 1n)
    expect(second.stored).toBeGreaterThanOrEqual(8)
    await theirs.ask(5, 'get-mutable', named)
    const mutable = await theirs.child.event('mutable-item', { match: (event) => event.value === hex('two') })
    expect(mutable.seq).toBe(Number(second.item.seq))

    // Samples and scrapes of each other's nodes.
    const samples = await all(ours[2]!.sample(infoHash('ours')))
    const shown = samples.flatMap(({ infoHashes }) => infoHashes)
    expect(shown).toContain(infoHash('ours'))
    const pong = await ours[3]!.ping(key(theirs.ports[2] as number))
    expect(pong.id).toMatch(/^[0-9a-f]{40}$/)
    await Promise.all(opened.map((node) => node.close()))
  })
})
