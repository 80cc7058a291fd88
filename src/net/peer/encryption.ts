/**
 * Whether connections are encrypted (MSE/PE): what a session may be told, and what follows from it.
 * @module
 */

import { checkOptions, type Kind, type Kinds, oneOf, wrongType } from '../../util/options.js'
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

const POLICIES: readonly EncryptionPolicy[] = ['disabled', 'enabled', 'preferred', 'required']
const METHODS: readonly Encryption['methods'][] = ['both', 'rc4', 'plaintext']

/**
 * The default takes what comes, and is plain where it can be: so does libtorrent, and RC4 costs both sides
 * 4 s of CPU per GiB.
 */
export const DEFAULT_ENCRYPTION: Encryption = Object.freeze({
  incoming: 'enabled',
  outgoing: 'enabled',
  methods: 'both',
})

const PARTS: Kinds<EncryptionOptions> = {
  incoming: oneOf(POLICIES),
  outgoing: oneOf(POLICIES),
  methods: oneOf(METHODS),
}

/** The option `encryption`: a policy for both directions, or options; what is not given has its default. */
export const encryptionKind: Kind<Encryption> = {
  type: 'EncryptionPolicy | EncryptionOptions',
  words: `${oneOf(POLICIES).words}, or \`{ incoming, outgoing, methods }\``,
  check: (value, name) => {
    if (typeof value === 'string') {
      const policy = oneOf(POLICIES).check(value, name)
      return Object.freeze({ ...DEFAULT_ENCRYPTION, incoming: policy, outgoing: policy })
    }
    if (typeof value !== 'object' || value === null) throw wrongType(name, 'a policy or an object', value)
    checkOptions(value, PARTS, name)
    const { incoming, outgoing, methods }: EncryptionOptions = value
    return Object.freeze({
      incoming: incoming ?? DEFAULT_ENCRYPTION.incoming,
      outgoing: outgoing ?? DEFAULT_ENCRYPTION.outgoing,
      methods: methods ?? DEFAULT_ENCRYPTION.methods,
    })
  },
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
