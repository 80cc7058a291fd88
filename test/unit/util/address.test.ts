import { describe, expect, it } from 'vitest'
import {
  addressKey,
  decodeCompactList,
  encodeCompact,
  familyOf,
  ipFromBytes,
  ipToBytes,
  isDialable,
  parseAddress,
  parseEndpoint,
} from '../../../src/util/address.js'
import { fromHex, toHex } from '../../../src/util/bytes.js'

describe('IP text', () => {
  const forms: readonly (readonly [text: string, hex: string, canonical: string])[] = [
    ['0.0.0.0', '00000000', '0.0.0.0'],
    ['127.0.0.1', '7f000001', '127.0.0.1'],
    ['255.255.255.255', 'ffffffff', '255.255.255.255'],
    ['::', '00000000000000000000000000000000', '::'],
    ['::1', '00000000000000000000000000000001', '::1'],
    ['2001:DB8::', '20010db8000000000000000000000000', '2001:db8::'],
    ['2001:db8:0:0:1:0:0:1', '20010db8000000000001000000000001', '2001:db8::1:0:0:1'],
    ['1:0:2:0:3:0:4:0', '00010000000200000003000000040000', '1:0:2:0:3:0:4:0'],
    ['fe80::1%eth0', 'fe800000000000000000000000000001', 'fe80::1'],
    ['::ffff:10.0.0.1', '0a000001', '10.0.0.1'],
    ['64:ff9b::1.2.3.4', '0064ff9b000000000000000001020304', '64:ff9b::102:304'],
  ]
  it.each(forms)('%s', (text, hex, canonical) => {
    const bytes = ipToBytes(text)
    expect(bytes && toHex(bytes)).toBe(hex)
    expect(ipFromBytes(fromHex(hex) as Uint8Array)).toBe(canonical)
    expect(toHex(ipToBytes(canonical) as Uint8Array)).toBe(hex)
  })

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '1.2.3.-4',
    'localhost',
    '1:2',
    ':::',
    '1::2::3',
    '12345::',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8',
    '::1.2.3',
    'g::',
  ])('%j is none', (text) => {
    expect(ipToBytes(text)).toBeUndefined()
  })

  it('maps IPv4 in IPv6 to IPv4', () => {
    expect(ipFromBytes(fromHex('00000000000000000000ffff7f000001') as Uint8Array)).toBe('127.0.0.1')
  })
})

describe('endpoints', () => {
  it('read from text', () => {
    expect(parseEndpoint('1.2.3.4:6881')).toEqual({ host: '1.2.3.4', port: 6881 })
    expect(parseEndpoint('[::1]:1')).toEqual({ host: '::1', port: 1 })
    expect(parseEndpoint('seed.example:65535')).toEqual({ host: 'seed.example', port: 65_535 })
  })

  it.each([
    '',
    '1.2.3.4',
    '1.2.3.4:',
    ':1',
    '1.2.3.4:0',
    '1.2.3.4:65536',
    '::1:80',
    '[::1]',
    'a b:1',
    '[x]:1',
  ])('%j throws', (text) => {
    expect(() => parseEndpoint(text)).toThrow(RangeError)
  })

  it('canonicalise, or are refused', () => {
    expect(parseAddress('2001:DB8:0::1', 80)).toEqual({ host: '2001:db8::1', port: 80 })
    expect(parseAddress('name', 80)).toBeUndefined()
    expect(parseAddress('1.2.3.4', 0)).toBeUndefined()
    expect(parseAddress('1.2.3.4', 1.5)).toBeUndefined()
  })

  it('have one key each', () => {
    expect(addressKey({ host: '1.2.3.4', port: 5 })).toBe('1.2.3.4:5')
    expect(addressKey({ host: '::1', port: 5 })).toBe('[::1]:5')
    expect(familyOf({ host: '::1', port: 5 })).toBe(6)
    expect(familyOf({ host: '1.2.3.4', port: 5 })).toBe(4)
  })
})

describe('compact form', () => {
  it('round-trips both families', () => {
    const four = { host: '127.0.0.1', port: 6881 }
    const six = { host: '2001:db8::1', port: 80 }
    expect(toHex(encodeCompact(four))).toBe('7f0000011ae1')
    expect(decodeCompactList(encodeCompact(four), 4)).toEqual([four])
    expect(decodeCompactList(encodeCompact(six), 6)).toEqual([six])
    expect(() => encodeCompact({ host: 'name', port: 1 })).toThrow(RangeError)
  })

  it('leaves out who cannot be dialled and refuses odd lengths', () => {
    const list = fromHex('00000000' + '1ae1' + '01020304' + '0000' + '01020304' + '0001') as Uint8Array
    expect(decodeCompactList(list, 4)).toEqual([{ host: '1.2.3.4', port: 1 }])
    expect(decodeCompactList(list.subarray(1), 4)).toBeUndefined()
    expect(decodeCompactList(list, 6)).toEqual([{ host: ipFromBytes(list.subarray(0, 16)), port: 1 }])
  })

  it.each([
    ['1.2.3.4', 1, true],
    ['1.2.3.4', 0, false],
    ['1.2.3.4', 65_536, false],
    ['0.1.2.3', 1, false],
    ['224.0.0.1', 1, false],
    ['255.255.255.255', 1, false],
    ['::', 1, false],
    ['ff02::1', 1, false],
    ['::1', 1, true],
    ['name', 1, false],
  ])('%s port %i can be dialled: %s', (host, port, dialable) => {
    expect(isDialable({ host, port })).toBe(dialable)
  })
})
