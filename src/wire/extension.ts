/**
 * The extension handshake: what a peer says about itself and its extensions (BEP 10, 9, 11, 21).
 * @module
 */

import { asBytes, asDict, asInteger, asText, encode, tryDecodePrefix } from '../bencode/index.js'

/** Requests that a peer is assumed to hold when it does not say: the common value. */
export const ASSUMED_REQQ = 250

/** Most extension names kept of one peer; deployed clients have about ten. */
const MAX_NAMES = 100
const MAX_NAME_LENGTH = 100
const MAX_CLIENT_LENGTH = 128

/** The known keys of an extension handshake; every one is optional. */
export interface ExtensionHandshake {
  /** `m`: extension name -> id 1 .. 255 to send it with. */
  readonly extensions: ReadonlyMap<string, number>
  /** `v`: client name and version, at most 128 characters, control characters removed. */
  readonly client?: string
  /** `p`: TCP port on which the sender listens, 1 .. 65535. */
  readonly port?: number
  /** `reqq`: requests that the sender holds in its queue, at least 1. */
  readonly reqq?: number
  /** `yourip`: the receiver's address as the sender sees it, 4 or 16 bytes. */
  readonly yourIp?: Uint8Array
  /** `ipv4`: another address of the sender, 4 bytes. */
  readonly ipv4?: Uint8Array
  /** `ipv6`: another address of the sender, 16 bytes. */
  readonly ipv6?: Uint8Array
  /** `metadata_size`: bytes of the info dictionary (BEP 9), at least 1. Unchecked beyond that. */
  readonly metadataSize?: number
  /** `upload_only`: will not download more (BEP 21). */
  readonly uploadOnly?: boolean
  /** `e`: prefers encrypted connections (BEP 11). */
  readonly prefersEncryption?: boolean
}

/**
 * The bencoded dictionary: the payload of an extended message with id 0. Id 0 in `extensions`
 * disables a name. What is undefined is left out.
 */
export function encodeExtensionHandshake(
  handshake: Omit<Partial<ExtensionHandshake>, 'extensions'> & {
    readonly extensions?: ReadonlyMap<string, number> | Readonly<Record<string, number>>
  },
): Uint8Array {
  const flag = (value: boolean | undefined): number | undefined => (value === undefined ? undefined : +value)
  return encode({
    m: handshake.extensions ?? {},
    v: handshake.client,
    p: handshake.port,
    reqq: handshake.reqq,
    yourip: handshake.yourIp,
    ipv4: handshake.ipv4,
    ipv6: handshake.ipv6,
    metadata_size: handshake.metadataSize,
    upload_only: flag(handshake.uploadOnly),
    e: flag(handshake.prefersEncryption),
  })
}

/**
 * Reads an extension handshake, tolerantly: an entry of the wrong type or range counts as absent,
 * unsorted keys and bytes after the dictionary are accepted. Undefined when it is no dictionary.
 * `previous` is the handshake that the same peer sent before: a later one adds to it, its id 0
 * removes a name, and an id that another name has is ignored.
 */
export function decodeExtensionHandshake(
  bytes: Uint8Array,
  previous?: ExtensionHandshake,
): ExtensionHandshake | undefined {
  const decoded = tryDecodePrefix(bytes, {
    unsortedKeys: true,
    maxDepth: 8,
    maxTokens: 1000,
    maxDigits: 100,
  })
  const dict = decoded.ok ? asDict(decoded.value.value) : undefined
  if (dict === undefined) return undefined

  const extensions = new Map(previous?.extensions)
  const changes = new Map<string, number>()
  for (const [name, value] of asDict(dict.get('m')) ?? []) {
    const id = integerIn(value, 0, 255)
    if (id !== undefined && name.length <= MAX_NAME_LENGTH) changes.set(name, id)
  }
  // First all that changes goes, so that two names may swap their ids.
  for (const [name, id] of changes) if (extensions.get(name) !== id) extensions.delete(name)
  const taken = new Set(extensions.values())
  for (const [name, id] of changes) {
    if (id === 0 || taken.has(id) || extensions.size >= MAX_NAMES) continue
    extensions.set(name, id)
    taken.add(id)
  }

  const handshake: { -readonly [Key in keyof ExtensionHandshake]: ExtensionHandshake[Key] } = {
    ...previous,
    extensions,
  }
  const client = asText(dict.get('v'))
  if (client !== undefined) handshake.client = printable(client)
  const port = integerIn(dict.get('p'), 1, 65_535)
  if (port !== undefined) handshake.port = port
  const reqq = integerIn(dict.get('reqq'), 1, Number.MAX_SAFE_INTEGER)
  if (reqq !== undefined) handshake.reqq = reqq
  const yourIp = asBytes(dict.get('yourip'))
  if (yourIp?.length === 4 || yourIp?.length === 16) handshake.yourIp = new Uint8Array(yourIp)
  const ipv4 = asBytes(dict.get('ipv4'))
  if (ipv4?.length === 4) handshake.ipv4 = new Uint8Array(ipv4)
  const ipv6 = asBytes(dict.get('ipv6'))
  if (ipv6?.length === 16) handshake.ipv6 = new Uint8Array(ipv6)
  const metadataSize = integerIn(dict.get('metadata_size'), 1, Number.MAX_SAFE_INTEGER)
  if (metadataSize !== undefined) handshake.metadataSize = metadataSize
  const uploadOnly = asInteger(dict.get('upload_only'))
  if (uploadOnly !== undefined) handshake.uploadOnly = uploadOnly !== 0
  const encryption = asInteger(dict.get('e'))
  if (encryption !== undefined) handshake.prefersEncryption = encryption !== 0
  return handshake
}

function integerIn(value: Parameters<typeof asInteger>[0], low: number, high: number): number | undefined {
  const integer = asInteger(value)
  return integer !== undefined && integer >= low && integer <= high ? integer : undefined
}

/** Client names end on terminals and in logs. */
function printable(text: string): string {
  return text.slice(0, MAX_CLIENT_LENGTH).replace(/\p{C}/gu, '')
}
