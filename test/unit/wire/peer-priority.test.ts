import { describe, expect, it } from 'vitest'
import { peerPriority } from '../../../src/wire/peer-priority.js'

const at = (host: string, port = 6881) => ({ host, port })

describe('canonical peer priority (BEP 40)', () => {
  it.each([
    ['123.213.32.10', '98.76.54.32', 0xec2d7224],
    ['123.213.32.10', '123.213.32.234', 0x99568189],
    ['123.213.32.10', '123.213.33.234', 0xf61850a9],
    ['2001:db8:1:1::1', '2001:db8:2:1::1', 0xe7c4fddd],
    ['2001:db8:1:1::1', '2001:db8:1:101::1', 0x90ece8ca],
  ])('of %s and %s, both ways', (a, b, priority) => {
    expect(peerPriority(at(a), at(b))).toBe(priority)
    expect(peerPriority(at(b), at(a, 9))).toBe(priority)
  })

  it('of one address goes by the ports', () => {
    expect(peerPriority(at('1.2.3.4', 6881), at('1.2.3.4', 6882))).toBe(0x67f8fe57)
    expect(peerPriority(at('::7', 6882), at('::7', 6881))).toBe(0x67f8fe57)
  })

  it('is undefined between families and for names', () => {
    expect(peerPriority(at('1.2.3.4'), at('2001:db8::1'))).toBeUndefined()
    expect(peerPriority(at('example.org'), at('1.2.3.4'))).toBeUndefined()
    expect(peerPriority(at('1.2.3.4'), at('example.org'))).toBeUndefined()
  })

  it('does not change within what an attacker has: the low bits of a distant network', () => {
    const priorities = new Set<number | undefined>()
    for (let i = 0; i < 256; i++) priorities.add(peerPriority(at('9.8.7.6'), at(`1.2.3.${i}`)))
    expect(priorities.size).toBe(16)
  })
})
