/**
 * Whether connections are encrypted (MSE/PE): what a session may be told, and what follows from it.
 * @module
 */

import type { CryptoMethod } from '../../wire/mse/mse.js'

/**
 * What one direction does:
 *
 * | | outgoing | incoming |
 * |---|---|---|
 * | `disabled` | plain | plain |
 * | `enabled` | plain, and encrypted when that is cut off; encrypted first to peers known to prefer it | both |
 * | `preferred` | encrypted, and plain when that fails | both, RC4 before plaintext |
 * | `required` | encrypted | encrypted |
 */
export type EncryptionPolicy = 'disabled' | 'enabled' | 'preferred' | 'required'

/** What a session can be told about encryption. */
export interface EncryptionOptions {
  /** Connections to us. Default `enabled`. */
  readonly incoming?: EncryptionPolicy
  /** Connections that we make. Default `enabled`. */
  readonly outgoing?: EncryptionPolicy
  /** How the payload travels after an encrypted handshake. Default `both`: the acceptor chooses. */
  readonly methods?: 'both' | CryptoMethod
}

/** {@link EncryptionOptions} with everything filled in. */
export type Encryption = Required<EncryptionOptions>

const POLICIES: readonly string[] = ['disabled', 'enabled', 'preferred', 'required']
const METHODS: readonly string[] = ['both', 'rc4', 'plaintext']

/**
 * The default takes what comes, and is plain where it can be: so does libtorrent, and RC4 costs both sides
 * 4 s of CPU per GiB.
 */
export const DEFAULT_ENCRYPTION: Encryption = Object.freeze({
  incoming: 'enabled',
  outgoing: 'enabled',
  methods: 'both',
})

/** Checks and completes the option `encryption`. Throws TypeError or RangeError that names it. */
export function resolveEncryption(given: EncryptionPolicy | EncryptionOptions | undefined): Encryption {
  if (given === undefined) return DEFAULT_ENCRYPTION
  if (typeof given !== 'string' && (typeof given !== 'object' || given === null))
    throw new TypeError(`encryption must be a policy or an object, got ${typeof given}`)
  const { incoming, outgoing, methods }: EncryptionOptions =
    typeof given === 'string' ? { incoming: given, outgoing: given } : given
  return Object.freeze({
    incoming: oneOf('encryption.incoming', POLICIES, incoming ?? DEFAULT_ENCRYPTION.incoming),
    outgoing: oneOf('encryption.outgoing', POLICIES, outgoing ?? DEFAULT_ENCRYPTION.outgoing),
    methods: oneOf('encryption.methods', METHODS, methods ?? DEFAULT_ENCRYPTION.methods),
  })
}

function oneOf<T extends string>(name: string, known: readonly string[], value: T): T {
  if (typeof value !== 'string') throw new TypeError(`${name} must be a string, got ${typeof value}`)
  if (!known.includes(value)) throw new RangeError(`${name} must be one of ${known.join(', ')}, got ${value}`)
  return value
}

/** The methods to allow, the most welcome first: Transmission and libtorrent take plaintext unless encryption is preferred. */
export function methodsOf(policy: EncryptionPolicy, methods: Encryption['methods']): readonly CryptoMethod[] {
  if (methods !== 'both') return [methods]
  return policy === 'enabled' ? ['plaintext', 'rc4'] : ['rc4', 'plaintext']
}

/** The handshakes to try with a peer, in order: true is an encrypted one. */
export function attempts(policy: EncryptionPolicy, peerPrefers: boolean): readonly boolean[] {
  if (policy === 'disabled') return [false]
  if (policy === 'required') return [true]
  return policy === 'preferred' || peerPrefers ? [true, false] : [false, true]
}

/**
 * True when a failed handshake may mean that the peer wants the other form: it hung up, or, having been
 * sent an encrypted one, it answered with something else or waits for more.
 */
export function invitesRedial(code: string): boolean {
  return code === 'wire/handshake-cut' || MAYBE_PLAIN.includes(code)
}

const MAYBE_PLAIN: readonly string[] = ['mse/cut', 'mse/timeout', 'mse/no-sync']

/** True when peers shall know that we prefer encrypted connections (`e` of the extension handshake). */
export function prefersEncryption({ incoming, outgoing }: Encryption): boolean {
  return [incoming, outgoing].some((policy) => policy === 'preferred' || policy === 'required')
}
