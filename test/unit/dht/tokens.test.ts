import { describe, expect, it } from 'vitest'
import { SECRET_LIFE, Tokens } from '../../../src/dht/tokens.js'
import { seededRandom } from '../../support/random.js'

const target = new Uint8Array(20).fill(7)
const other = new Uint8Array(20).fill(8)

describe('tokens', () => {
  it('are valid for their address and target alone', () => {
    const tokens = new Tokens(seededRandom(1), 0)
    const token = tokens.issue('10.0.0.1', target, 0)
    expect(token.length).toBe(4)
    expect(tokens.isValid(token, '10.0.0.1', target, 1)).toBe(true)
    expect(tokens.isValid(token, '10.0.0.2', target, 1)).toBe(false)
    expect(tokens.isValid(token, '10.0.0.1', other, 1)).toBe(false)
    const six = tokens.issue('2001:db8::1', target, 1)
    expect(tokens.isValid(six, '2001:db8::1', target, 1)).toBe(true)
    expect(tokens.isValid(six, '2001:db8::2', target, 1)).toBe(false)
  })

  it('live for five to ten minutes', () => {
    const tokens = new Tokens(seededRandom(2), 0)
    const early = tokens.issue('10.0.0.1', target, 0)
    const late = tokens.issue('10.0.0.1', target, SECRET_LIFE - 1)
    expect(late).toEqual(early)
    expect(tokens.isValid(early, '10.0.0.1', target, SECRET_LIFE)).toBe(true)
    expect(tokens.issue('10.0.0.1', target, SECRET_LIFE)).not.toEqual(early)
    expect(tokens.isValid(early, '10.0.0.1', target, 2 * SECRET_LIFE - 1)).toBe(true)
    expect(tokens.isValid(early, '10.0.0.1', target, 2 * SECRET_LIFE)).toBe(false)
  })

  it('do not outlive a long pause', () => {
    const tokens = new Tokens(seededRandom(3), 0)
    const token = tokens.issue('10.0.0.1', target, 0)
    expect(tokens.isValid(token, '10.0.0.1', target, 10 * SECRET_LIFE)).toBe(false)
  })

  it('are refused in other lengths', () => {
    const tokens = new Tokens(seededRandom(4), 0)
    const token = tokens.issue('10.0.0.1', target, 0)
    for (const wrong of [new Uint8Array(0), token.subarray(1), new Uint8Array(5), new Uint8Array(300)])
      expect(tokens.isValid(wrong, '10.0.0.1', target, 0)).toBe(false)
  })

  it('of a first secret that nobody was given are worth nothing', () => {
    const tokens = new Tokens(seededRandom(5), 0)
    expect(tokens.isValid(new Uint8Array(4), '10.0.0.1', target, 0)).toBe(false)
  })
})
