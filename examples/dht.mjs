/**
 * A small DHT of our own on loopback: peers announced and found, a text stored under its hash, and one under a
 * key that changes it later.
 *
 *   node examples/dht.mjs
 */
import { randomBytes } from 'node:crypto'
import { openDht, torrentOf } from 'rarest/dht'

const nodes = [await openDht({ host: '127.0.0.1', bootstrap: [] })]
const router = `127.0.0.1:${nodes[0].port}`
for (let i = 1; i < 10; i++) nodes.push(await openDht({ host: '127.0.0.1', bootstrap: [router] }))
await Promise.all(nodes.map((node) => node.ready))
const [, alice, bob] = nodes

const infoHash = 'c9e15763f722f23e98a29decdfae341b98d53056'
const { stored } = await alice.announce(infoHash, { port: 6881, seed: true }).done
console.log(`announced: ${stored > 0}`)
for await (const peer of bob.getPeers(infoHash)) console.log(`peer: ${peer.host} port ${peer.port}`)
console.log('counted:', await bob.scrape(infoHash))

const { target } = await alice.put('Hello World!')
const { value } = await bob.get(target)
console.log(`stored under ${Buffer.from(target).toString('hex')}: ${Buffer.from(value)}`)

// A torrent that changes: its followers keep the public key, the owner of the secret key names the infohash.
const secretKey = randomBytes(32)
const { item } = await alice.putMutable({ ih: Buffer.from(infoHash, 'hex') }, { secretKey })
for await (const update of bob.updates(item.publicKey)) {
  console.log(`version ${update.item.seq}: ${torrentOf(update.item.value)}`)
  break
}
await Promise.all(nodes.map((node) => node.close()))
