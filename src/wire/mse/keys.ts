/**
 * What both sides of message stream encryption compute: the shared secret's hashes, the two ciphers, and
 * which torrent a hashed key means.
 * @module
 */

import { sha1 } from '#hash'
import { compareBytes, concatBytes, fromHex, toLatin1, utf8 } from '../../util/bytes.js'
import { Rc4 } from './rc4.js'

/** Bytes of a public key and of the shared secret, big-endian with leading zeros. */
export const KEY_LENGTH = 96

/** Bytes of a private key: 160 bits, as everybody takes (128 at least). */
export const PRIVATE_KEY_LENGTH = 20

/** The 768-bit prime P; the generator is 2. */
export const MSE_PRIME: Uint8Array = fromHex(
  'ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74' +
    '020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437' +
    '4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563',
) as Uint8Array

/** One side of a Diffie-Hellman exchange over {@link MSE_PRIME}. */
export interface KeyExchange {
  /** 96 bytes. */
  readonly publicKey: Uint8Array
  /** The shared secret, 96 bytes, from the other side's public key, which is not degenerate. */
  secret(theirs: Uint8Array): Uint8Array
}

/** Makes a side from its private key of {@link PRIVATE_KEY_LENGTH} random bytes. */
export type MakeKeyExchange = (privateKey: Uint8Array) => KeyExchange

/** True for public keys that make the secret known to anybody: 0, 1, P - 1 and above. */
export function isDegenerate(publicKey: Uint8Array): boolean {
  return compareBytes(publicKey, ONE) <= 0 || compareBytes(publicKey, HIGHEST) >= 0
}

const ONE: Uint8Array = new Uint8Array(KEY_LENGTH)
ONE[KEY_LENGTH - 1] = 1
/** P - 1. */
const HIGHEST: Uint8Array = MSE_PRIME.slice()
HIGHEST[KEY_LENGTH - 1] = 0x62

/** SHA-1 over a label and what follows it. */
export function labelled(label: Label, ...parts: readonly Uint8Array[]): Uint8Array {
  return sha1(concatBytes(LABELS[label], ...parts))
}

type Label = 'req1' | 'req2' | 'req3' | 'keyA' | 'keyB'

const LABELS: Readonly<Record<Label, Uint8Array>> = {
  req1: utf8('req1'),
  req2: utf8('req2'),
  req3: utf8('req3'),
  keyA: utf8('keyA'),
  keyB: utf8('keyB'),
}

/** The exclusive or of two hashes. */
export function xorHashes(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((byte, i) => byte ^ (b[i] as number))
}

/** The ciphers of a connection: from the initiator to the acceptor, and back. */
export function streamCiphers(
  secret: Uint8Array,
  skey: Uint8Array,
): { readonly fromInitiator: Rc4; readonly fromAcceptor: Rc4 } {
  return {
    fromInitiator: new Rc4(labelled('keyA', secret, skey)),
    fromAcceptor: new Rc4(labelled('keyB', secret, skey)),
  }
}

/**
 * Finds a torrent by the hash of its key, in constant time for any number of torrents. The key (SKEY) is
 * the 20-byte infohash that stands in the handshake; a hybrid torrent has two.
 */
export class SkeyTable {
  readonly #keys = new Map<string, Uint8Array>()

  /** Makes an infohash findable. */
  add(infoHash: Uint8Array): void {
    this.#keys.set(toLatin1(labelled('req2', infoHash)), infoHash)
  }

  delete(infoHash: Uint8Array): void {
    this.#keys.delete(toLatin1(labelled('req2', infoHash)))
  }

  /** The infohash whose HASH(`req2`, infohash) this is. */
  find(hash: Uint8Array): Uint8Array | undefined {
    return this.#keys.get(toLatin1(hash))
  }
}
