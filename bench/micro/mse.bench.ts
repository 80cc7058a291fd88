/** The encrypted handshake: CPU of one side, with its Diffie-Hellman and without. */
import { bench, do_not_optimize } from 'mitata'
import { nodeKeyExchange } from '../../src/net/peer/key-exchange.js'
import type { KeyExchange } from '../../src/wire/mse/keys.js'
import { labelled, SkeyTable } from '../../src/wire/mse/keys.js'
import { MseAcceptor, MseInitiator } from '../../src/wire/mse/mse.js'

const SKEY = new Uint8Array(20).fill(5)
const PAYLOAD = new Uint8Array(68)
const random = {
  uint32: () => Math.floor(Math.random() * 2 ** 32),
  bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
}
const skeys = new SkeyTable()
for (let i = 0; i < 10_000; i++) skeys.add(random.bytes(20))
skeys.add(SKEY)

/** Both sides of a handshake, to its end. */
function handshake(exchange: (privateKey: Uint8Array) => KeyExchange): void {
  const initiator = new MseInitiator({ random, exchange, skey: SKEY, provide: ['rc4'], payload: PAYLOAD })
  const acceptor = new MseAcceptor({ random, exchange, select: ['rc4'], find: (hash) => skeys.find(hash) })
  for (let round = 0; round < 2; round++) {
    for (let bytes = initiator.transmit(); bytes; bytes = initiator.transmit()) acceptor.receive(bytes)
    for (let bytes = acceptor.transmit(); bytes; bytes = acceptor.transmit()) initiator.receive(bytes)
  }
  if (initiator.poll()?.type !== 'done' || acceptor.poll()?.type !== 'done') throw new Error('not done')
}

/** CPU ms of one side: both run here, so half. The rows below show wall time of both. */
function cpu(exchange: (privateKey: Uint8Array) => KeyExchange): number {
  for (let i = 0; i < 300; i++) handshake(exchange)
  const before = process.cpuUsage()
  for (let i = 0; i < 2_000; i++) handshake(exchange)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 2_000 / 2 / 1_000
}

const key = nodeKeyExchange(random.bytes(20)).publicKey
const idle = (): KeyExchange => ({ publicKey: key, secret: () => key })
console.log(`one side of a handshake: ${cpu(nodeKeyExchange).toFixed(3)} ms of CPU`)
console.log(`without its Diffie-Hellman: ${cpu(idle).toFixed(3)} ms of CPU\n`)

bench('both sides of a handshake', () => handshake(nodeKeyExchange))
bench('both sides, without Diffie-Hellman', () => handshake(idle))
bench('one side of Diffie-Hellman', () => do_not_optimize(nodeKeyExchange(random.bytes(20)).secret(key)))
const hash = labelled('req2', SKEY)
bench('find one torrent of 10,001 by its hashed key', () => do_not_optimize(skeys.find(hash)))
