import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../../src/util/bytes.js'
import { decodeHolepunch, encodeHolepunch, type HolepunchMessage } from '../../../src/wire/holepunch.js'
import { runs } from '../../support/depth.js'

const v4 = { host: '10.1.2.3', port: 6881 }
const v6 = { host: '2001:db8::7', port: 1 }

const MESSAGES: readonly (readonly [HolepunchMessage, string])[] = [
  [{ type: 'rendezvous', address: v4 }, '00000a0102031ae100000000'],
  [{ type: 'connect', address: v4 }, '01000a0102031ae100000000'],
  [{ type: 'error', address: v4, error: 3 }, '02000a0102031ae100000003'],
  [{ type: 'rendezvous', address: v6 }, '000120010db8000000000000000000000007000100000000'],
  [{ type: 'error', address: v6, error: 4 }, '020120010db8000000000000000000000007000100000004'],
]

const NOTHING: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['a type alone', '00'],
  ['an unknown type', '03000a0102031ae100000000'],
  ['an unknown family', '00020a0102031ae100000000'],
  ['an IPv4 message as IPv6', '00010a0102031ae100000000'],
  ['an IPv6 message as IPv4', '000020010db8000000000000000000000007000100000000'],
  ['one byte too few', '00000a0102031ae1000000'],
  ['one byte too many', '00000a0102031ae10000000000'],
  ['an error without its code', '02000a0102031ae1'],
]

describe('messages of ut_holepunch', () => {
  it.each(MESSAGES)('%j', (message, hex) => {
    expect(toHex(encodeHolepunch(message))).toBe(hex)
    expect(decodeHolepunch(fromHex(hex) as Uint8Array)).toEqual(message)
  })

  it('may leave out the code where there is no error', () => {
    expect(decodeHolepunch(fromHex('01000a0102031ae1') as Uint8Array)).toEqual({
      type: 'connect',
      address: v4,
    })
    const long = fromHex('000120010db80000000000000000000000070001') as Uint8Array
    expect(decodeHolepunch(long)).toEqual({ type: 'rendezvous', address: v6 })
  })

  it.each(NOTHING)('ignores %s', (_what, hex) => {
    expect(decodeHolepunch(hex === '' ? new Uint8Array(0) : (fromHex(hex) as Uint8Array))).toBeUndefined()
  })

  it('refuses to name a host that is no IP', () => {
    const address = { host: 'example.org', port: 1 }
    expect(() => encodeHolepunch({ type: 'connect', address })).toThrow(RangeError)
  })

  it('reads any bytes without throwing, and what it reads it writes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        const message = decodeHolepunch(bytes)
        if (!message || message.address.host.includes('.') !== (bytes[1] === 0)) return
        expect(decodeHolepunch(encodeHolepunch(message))).toEqual(message)
      }),
      { numRuns: runs(400) },
    )
  })
})
