import { describe, expect, it } from 'vitest'
import {
  attempts,
  DEFAULT_ENCRYPTION,
  encryptionKind,
  invitesRedial,
  methodsOf,
  prefersEncryption,
} from '../../../../src/net/peer/encryption.js'

const resolve = (given: unknown) => encryptionKind.check(given, 'encryption')

describe('the option encryption', () => {
  it('is a policy for both directions, or one for each', () => {
    const enabled = { incoming: 'enabled', outgoing: 'enabled', methods: 'both' }
    expect(DEFAULT_ENCRYPTION).toEqual(enabled)
    expect(resolve({})).toEqual(enabled)
    expect(resolve('required')).toEqual({ ...enabled, incoming: 'required', outgoing: 'required' })
    expect(resolve({ outgoing: 'preferred', methods: 'rc4' })).toEqual({
      ...enabled,
      outgoing: 'preferred',
      methods: 'rc4',
    })
  })

  it.each([
    [7, 'encryption must be a policy or an object, got number'],
    [null, 'encryption must be a policy or an object, got null'],
    ['always', 'encryption must be one of disabled, enabled, preferred, required, got always'],
    [{ outgoing: 3 }, 'encryption.outgoing must be a string, got number'],
    [{ methods: 'aes' }, 'encryption.methods must be one of both, rc4, plaintext, got aes'],
  ])('refuses %j', (given, message) => {
    expect(() => resolve(given)).toThrow(message)
  })

  it('tells peers when it prefers encrypted connections', () => {
    expect(prefersEncryption(resolve('enabled'))).toBe(false)
    expect(prefersEncryption(resolve('disabled'))).toBe(false)
    expect(prefersEncryption(resolve({ incoming: 'preferred' }))).toBe(true)
    expect(prefersEncryption(resolve({ outgoing: 'required' }))).toBe(true)
  })
})

describe('a policy', () => {
  it('says in which forms to dial, in order', () => {
    expect(attempts('disabled', true)).toEqual([false])
    expect(attempts('enabled', false)).toEqual([false, true])
    expect(attempts('enabled', true)).toEqual([true, false])
    expect(attempts('preferred', false)).toEqual([true, false])
    expect(attempts('required', false)).toEqual([true])
  })

  it('says which method is the most welcome', () => {
    expect(methodsOf('enabled', 'both')).toEqual(['plaintext', 'rc4'])
    expect(methodsOf('preferred', 'both')).toEqual(['rc4', 'plaintext'])
    expect(methodsOf('required', 'plaintext')).toEqual(['plaintext'])
  })

  it('dials again only after what the other form may cure', () => {
    const codes = ['wire/handshake-cut', 'mse/cut', 'mse/timeout', 'mse/no-sync']
    expect(codes.filter(invitesRedial)).toEqual(codes)
    const final = ['ECONNREFUSED', 'wire/handshake-timeout', 'wire/wrong-infohash', 'mse/degenerate-key']
    expect(final.filter(invitesRedial)).toEqual([])
  })
})
