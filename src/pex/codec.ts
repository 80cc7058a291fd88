/**
 * Messages of peer exchange, `ut_pex` (BEP 11).
 *
 * | code | a message is refused because |
 * |---|---|
 * | `pex/not-a-dictionary` | it is no bencoded dictionary |
 * | `pex/bad-length` | a list is no whole number of addresses |
 * | `pex/too-long` | it has more bytes than any client needs |
 * @module
 */

import { asBytes, asDict, encode, tryDecodePrefix } from '../bencode/index.js'
import { type Address, familyOf, ipFromBytes, ipToBytes, isDialable } from '../util/address.js'
import { readU16, writeU16 } from '../util/bytes.js'
import { type ErrorCode, ProtocolError, type Result } from '../util/errors.js'

/** Bits of {@link PexPeer.flags}. The others are reserved. */
export const PEX_FLAGS: Readonly<
  Record<'prefersEncryption' | 'seed' | 'utp' | 'holepunch' | 'reachable', number>
> = { prefersEncryption: 0x01, seed: 0x02, utp: 0x04, holepunch: 0x08, reachable: 0x10 }

/** Longest message that is read, bytes: 2,000 peers of either family (libtorrent takes 500 KiB). */
export const MAX_PEX_MESSAGE: number = 1 << 16

/** A peer that the sender is connected to. */
export interface PexPeer {
  readonly address: Address
  /** {@link PEX_FLAGS}, 0 when the sender does not say. */
  readonly flags: number
}

/** What changed since the sender's last message. */
export interface PexMessage {
  readonly added: readonly PexPeer[]
  readonly dropped: readonly Address[]
}

/** The payload of an extended message. Throws RangeError for a host that is no IP. */
export function encodePex(message: PexMessage): Uint8Array {
  const addresses = message.added.map(({ address }) => address)
  const flags = (family: 4 | 6) =>
    Uint8Array.from(message.added.flatMap((peer) => (familyOf(peer.address) === family ? [peer.flags] : [])))
  return encode({
    added: compact(addresses, 4),
    'added.f': flags(4),
    added6: compact(addresses, 6),
    'added6.f': flags(6),
    dropped: compact(message.dropped, 4),
    dropped6: compact(message.dropped, 6),
  })
}

/**
 * Reads a message, tolerantly: keys in any order, any of them missing; flags that are not one for each
 * address are ignored; addresses at which no peer can listen are left out.
 */
export function decodePex(payload: Uint8Array): Result<PexMessage> {
  if (payload.length > MAX_PEX_MESSAGE) return refuse('pex/too-long', `${payload.length} bytes`)
  const decoded = tryDecodePrefix(payload, {
    unsortedKeys: true,
    maxDepth: 8,
    maxTokens: 100,
    maxDigits: 20,
  })
  const dict = decoded.ok ? asDict(decoded.value.value) : undefined
  if (!dict) return refuse('pex/not-a-dictionary', 'the message is no dictionary')
  const list = (key: string) => asBytes(dict.get(key)) ?? NOTHING
  const added: PexPeer[] = []
  const dropped: Address[] = []
  for (const [family, suffix] of FAMILIES) {
    const width = family === 4 ? 6 : 18
    const [adds, drops] = [list(`added${suffix}`), list(`dropped${suffix}`)]
    if (adds.length % width !== 0 || drops.length % width !== 0) {
      return refuse('pex/bad-length', `a list is no multiple of ${width} bytes`)
    }
    const flags = list(`added${suffix}.f`)
    const flagged = flags.length === adds.length / width
    for (let i = 0; i * width < adds.length; i++) {
      const address = addressAt(adds, i * width, width)
      if (isDialable(address)) added.push({ address, flags: flagged ? (flags[i] as number) : 0 })
    }
    for (let at = 0; at < drops.length; at += width) dropped.push(addressAt(drops, at, width))
  }
  return { ok: true, value: { added, dropped } }
}

const NOTHING: Uint8Array = new Uint8Array(0)
const FAMILIES = [
  [4, ''],
  [6, '6'],
] as const

function compact(addresses: readonly Address[], family: 4 | 6): Uint8Array {
  const ip = family === 4 ? 4 : 16
  const chosen = addresses.filter((address) => familyOf(address) === family)
  const bytes = new Uint8Array(chosen.length * (ip + 2))
  for (const [index, { host, port }] of chosen.entries()) {
    const text = ipToBytes(host)
    if (text?.length !== ip) throw new RangeError(`host must be an IP address, got ${host}`)
    bytes.set(text, index * (ip + 2))
    writeU16(bytes, index * (ip + 2) + ip, port)
  }
  return bytes
}

function addressAt(bytes: Uint8Array, at: number, width: number): Address {
  const ip = at + width - 2
  return { host: ipFromBytes(bytes.subarray(at, ip)), port: readU16(bytes, ip) }
}

function refuse(code: ErrorCode, message: string): Result<PexMessage> {
  return { ok: false, error: new ProtocolError(code, message) }
}
