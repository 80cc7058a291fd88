import { describe, expect, it } from 'vitest'
import { nodeKeyExchange } from '../../src/net/peer/key-exchange.js'
import { fromHex, toHex } from '../../src/util/bytes.js'
import type { Random } from '../../src/util/random.js'
import { labelled, SkeyTable, xorHashes } from '../../src/wire/mse/keys.js'
import { MseAcceptor, MseInitiator } from '../../src/wire/mse/mse.js'
import { Rc4 } from '../../src/wire/mse/rc4.js'
import { bigKeyExchange } from '../support/mse.js'

const hex = (text: string): Uint8Array => fromHex(text.replace(/\s/g, '')) as Uint8Array
const keystream = (cipher: Rc4, length: number): string => {
  const bytes = new Uint8Array(length)
  cipher.apply(bytes, bytes)
  return toHex(bytes)
}

const Xa = Uint8Array.from({ length: 20 }, (_, i) => 0x01 + i)
const Xb = Uint8Array.from({ length: 20 }, (_, i) => 0x15 + i)
const SKEY = new Uint8Array(20).fill(0xaa)
const Ya = hex(`96e112dab29e8c5272accb9b17b26887ce54a144a4e3b697c7d159b7a817e556
  b0918db2b4c658e02a87f7e5fb14b18a553e084cbf3dad2d30f16596ccb982d4
  06258c61b30c5c1dae2ddc60bdbd48d79896312aad63238c39e1a633821eb693`)
const Yb = hex(`a3e981e821087e74b889c5bfc373ec5be9ed09c85282b9cdb6b07dbaabe0ee51
  38a91e6245657219d1019ce47ed3613f037c6932a69069a3928b146b354e79cb
  feaad601d12598943c43b5b5529915b2c604e43fd6f9ced4efbe68f9edfaeee7`)
const S = hex(`994aac6c359990cf4f678a1742b587eb1a5248ec7fcc0d0bcfcb12d2461bc1fe
  25417b70869697d9ca884832f1c5f2a2fd3318c22a5a6ba170d36aac91405457
  c1e8137b1534a776865ed353f12422ff6afc58435f8bd443f61dd051a37bcdeb`)
const REQ1 = '83c8d8a3d91a5bf40d723666c4258731c8427ccb'
const MASKED = '4a278249411ccc527bb5e8d3a33af2a69725a1fc'
const STEP_3 = '0327b6d211c82d4947ce46c0fdb5f379'
const STEP_4 = '06d0d8359370f45e284e8cb732fd'
const NEXT_A = 'd6b3a49d720ccc8a'
const NEXT_B = '46192a90093cf923'

/** A given private key, and no padding. */
const scripted = (privateKey: Uint8Array): Random => ({
  uint32: () => 0,
  bytes: (length) => privateKey.slice(0, length),
})

describe('RC4', () => {
  const key = hex('0102030405')

  it('has the known keystream', () => {
    expect(keystream(new Rc4(key, 0), 16)).toBe('b2396305f03dc027ccc3524a0a1118a8')
    expect(keystream(new Rc4(key), 16)).toBe('30abbcc7c20b01609f23ee2d5f6bb7df')
  })
})

describe.each([
  ['node:crypto', nodeKeyExchange],
  ['BigInt', bigKeyExchange],
])('MSE over %s', (_name, exchange) => {
  it('makes the known keys', () => {
    expect(toHex(exchange(Xa).publicKey)).toBe(toHex(Ya))
    expect(toHex(exchange(Xb).publicKey)).toBe(toHex(Yb))
    expect(toHex(exchange(Xa).secret(Yb))).toBe(toHex(S))
    expect(toHex(exchange(Xb).secret(Ya))).toBe(toHex(S))
  })

  it('lets two exchanges go on side by side', () => {
    const [a, b] = [exchange(Xa), exchange(Xb)]
    expect(a.secret(Yb)).toEqual(S)
    expect(b.secret(Ya)).toEqual(S)
  })

  it('sends the known bytes as initiator', () => {
    const initiator = new MseInitiator({
      random: scripted(Xa),
      exchange,
      skey: SKEY,
      provide: ['rc4', 'plaintext'],
      payload: new Uint8Array(0),
    })
    expect(toHex(initiator.transmit() as Uint8Array)).toBe(toHex(Ya))
    initiator.receive(Yb)
    expect(toHex(initiator.transmit() as Uint8Array)).toBe(REQ1 + MASKED + STEP_3)
    initiator.receive(hex(STEP_4))
    const event = initiator.poll()
    if (event?.type !== 'done' || !event.ciphers) throw new Error('not done')
    expect(event.method).toBe('rc4')
    expect(keystream(event.ciphers.outgoing, 8)).toBe(NEXT_A)
    expect(keystream(event.ciphers.incoming, 8)).toBe(NEXT_B)
  })

  it('sends the known bytes as acceptor', () => {
    const skeys = new SkeyTable()
    skeys.add(SKEY)
    const acceptor = new MseAcceptor({
      random: scripted(Xb),
      exchange,
      select: ['rc4'],
      find: (hash) => skeys.find(hash),
    })
    expect(acceptor.transmit()).toBeUndefined()
    acceptor.receive(Ya)
    expect(toHex(acceptor.transmit() as Uint8Array)).toBe(toHex(Yb))
    acceptor.receive(hex(REQ1 + MASKED + STEP_3))
    expect(toHex(acceptor.transmit() as Uint8Array)).toBe(STEP_4)
    const event = acceptor.poll()
    if (event?.type !== 'done' || !event.ciphers) throw new Error('not done')
    expect(event.skey).toEqual(SKEY)
    expect(keystream(event.ciphers.incoming, 8)).toBe(NEXT_A)
    expect(keystream(event.ciphers.outgoing, 8)).toBe(NEXT_B)
  })
})

describe('hashes', () => {
  it('are the known ones', () => {
    expect(toHex(labelled('req1', S))).toBe(REQ1)
    expect(toHex(xorHashes(labelled('req2', SKEY), labelled('req3', S)))).toBe(MASKED)
    expect(toHex(labelled('keyA', S, SKEY))).toBe('31d9009cff2c45e3be00d3d9ec6e4b32d0f06816')
    expect(toHex(labelled('keyB', S, SKEY))).toBe('84d32166978da3995739ffd976056af14dbb048e')
  })
})
