import { describe, expect, it } from 'vitest'
import { halfSipHash } from '../../../src/dht/half-sip-hash.js'
import { SECRET_LIFE, Tokens } from '../../../src/dht/tokens.js'
import { encodeCompact } from '../../../src/util/address.js'
import { toHex, writeU32 } from '../../../src/util/bytes.js'
import { seededRandom } from '../../support/random.js'

const from = (host: string, port = 6881) => encodeCompact({ host, port })
const target = new Uint8Array(20).fill(7)
const other = new Uint8Array(20).fill(8)

describe('tokens', () => {
  it('are valid for their address and target alone', () => {
    const tokens = new Tokens(seededRandom(1), 0)
    const token = tokens.issue(from('10.0.0.1'), target, 0)
    expect(token.length).toBe(4)
    expect(tokens.isValid(token, from('10.0.0.1'), target, 1)).toBe(true)
    expect(tokens.isValid(token, from('10.0.0.1', 1), target, 1)).toBe(true)
    expect(tokens.isValid(token, from('10.0.0.2'), target, 1)).toBe(false)
    expect(tokens.isValid(token, from('10.0.0.1'), other, 1)).toBe(false)
    const six = tokens.issue(from('2001:db8::1'), target, 1)
    expect(tokens.isValid(six, from('2001:db8::1'), target, 1)).toBe(true)
    expect(tokens.isValid(six, from('2001:db8::2'), target, 1)).toBe(false)
  })

  it('live for five to ten minutes', () => {
    const tokens = new Tokens(seededRandom(2), 0)
    const early = tokens.issue(from('10.0.0.1'), target, 0)
    const late = tokens.issue(from('10.0.0.1'), target, SECRET_LIFE - 1)
    expect(late).toEqual(early)
    expect(tokens.isValid(early, from('10.0.0.1'), target, SECRET_LIFE)).toBe(true)
    expect(tokens.issue(from('10.0.0.1'), target, SECRET_LIFE)).not.toEqual(early)
    expect(tokens.isValid(early, from('10.0.0.1'), target, 2 * SECRET_LIFE - 1)).toBe(true)
    expect(tokens.isValid(early, from('10.0.0.1'), target, 2 * SECRET_LIFE)).toBe(false)
  })

  it('do not outlive a long pause', () => {
    const tokens = new Tokens(seededRandom(3), 0)
    const token = tokens.issue(from('10.0.0.1'), target, 0)
    expect(tokens.isValid(token, from('10.0.0.1'), target, 10 * SECRET_LIFE)).toBe(false)
  })

  it('are refused in other lengths', () => {
    const tokens = new Tokens(seededRandom(4), 0)
    const token = tokens.issue(from('10.0.0.1'), target, 0)
    for (const wrong of [new Uint8Array(0), token.subarray(1), new Uint8Array(5), new Uint8Array(300)])
      expect(tokens.isValid(wrong, from('10.0.0.1'), target, 0)).toBe(false)
  })

  it('of a first secret that nobody was given are worth nothing', () => {
    const tokens = new Tokens(seededRandom(5), 0)
    expect(tokens.isValid(new Uint8Array(4), from('10.0.0.1'), target, 0)).toBe(false)
  })
})

// Of the reference implementation: the key is 0, 1, .. 7, the input 0, 1, ..
it.each([
  [0, 'a9359f5b'],
  [4, '2a6e4689'],
  [8, 'd0b8848f'],
  [12, '57f0872f'],
  [16, 'd9b5ac84'],
  [20, 'e34d1045'],
  [24, '27400c63'],
  [28, 'b0644000'],
])('HalfSipHash-2-4 of %i bytes is %s', (length, expected) => {
  const hash = halfSipHash(
    [0x0302_0100, 0x0706_0504],
    Uint8Array.from({ length: 32 }, (_, i) => i),
    length,
  )
  const bytes = new Uint8Array(4)
  writeU32(bytes, 0, hash)
  expect(toHex(bytes.reverse())).toBe(expected)
})
