import { describe, expect, it } from 'vitest'
import { BloomFilter } from '../../src/dht/bloom.js'
import { immutableTarget, isAuthentic, mutableTarget, signedBytes } from '../../src/dht/items.js'
import { torrentOf, torrentValue } from '../../src/dht/mutable-torrent.js'
import { ed25519 } from '../../src/hash/ed25519.js'
import { ipToBytes } from '../../src/util/address.js'
import { concatBytes, fromHex, fromUtf8, toHex, utf8 } from '../../src/util/bytes.js'

const hex = (text: string) => fromHex(text.replace(/\s/g, '')) as Uint8Array

describe('bloom filter (BEP 33)', () => {
  const FILTER = hex(`
    F6C3F5EA A07FFD91 BDE89F77 7F26FB2B FF37BDB8 FB2BBAA2 FD3DDDE7 BACFFF75 EE7CCBAE
    FE5EEDB1 FBFAFF67 F6ABFF5E 43DDBCA3 FD9B9FFD F4FFD3E9 DFF12D1B DF59DB53 DBE9FA5B
    7FF3B8FD FCDE1AFB 8BEDD7BE 2F3EE71E BBBFE93B CDEEFE14 8246C2BC 5DBFF7E7 EFDCF24F
    D8DC7ADF FD8FFFDF DDFFF7A4 BBEEDF5C B95CE81F C7FCFF1F F4FFFFDF E5F7FDCB B7FD79B3
    FA1FC77B FE07FFF9 05B7B7FF C7FEFEFF E0B8370B B0CD3F5B 7F2BD93F EB4386CF DD6F7FD5
    BFAF2E9E BFFFFEEC D67ADBF7 C67F17EF D5D75EBA 6FFEBA7F FF47A91E B1BFBB53 E8ABFB57
    62ABE8FF 237279BF EFBFEEF5 FFC5FEBF DFE5ADFF ADFEE1FB 737FFFFB FD9F6AEF FEEE76B6
    FD8F72EF`)

  function addresses(): Uint8Array[] {
    const ipv4 = Array.from({ length: 256 }, (_, i) => Uint8Array.of(192, 0, 2, i))
    const ipv6 = Array.from(
      { length: 1000 },
      (_, i) => ipToBytes(`2001:db8::${i.toString(16)}`) as Uint8Array,
    )
    return [...ipv4, ...ipv6]
  }

  it('sets the bits of 1,256 addresses and estimates their number', () => {
    const filter = new BloomFilter()
    for (const ip of addresses()) filter.add(ip)
    expect(toHex(filter.bytes)).toBe(toHex(FILTER))
    expect(filter.estimate).toBeCloseTo(1224.9308, 3)
    for (const ip of addresses()) expect(filter.mayHave(ip)).toBe(true)
  })

  it('is the union of its parts', () => {
    const union = new BloomFilter()
    const all = addresses()
    for (const part of [all.slice(0, 700), all.slice(500)]) {
      const filter = new BloomFilter()
      for (const ip of part) filter.add(ip)
      union.unite(filter.bytes)
    }
    expect(union.bytes).toEqual(FILTER)
  })

  it('estimates nothing and everything', () => {
    expect(new BloomFilter().estimate).toBe(0)
    expect(new BloomFilter(new Uint8Array(256).fill(255)).estimate).toBeCloseTo(7806, -1)
    expect(() => new BloomFilter(new Uint8Array(255))).toThrow(RangeError)
  })
})

describe('items (BEP 44)', () => {
  const publicKey = hex('77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548')
  const value = utf8('12:Hello World!')
  const vectors = [
    {
      salt: '',
      buffer: '3:seqi1e1:v12:Hello World!',
      target: '4a533d47ec9c7d95b1ad75f576cffc641853b750',
      signature: `305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff
        1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01`,
    },
    {
      salt: 'foobar',
      buffer: '4:salt6:foobar3:seqi1e1:v12:Hello World!',
      target: '411eba73b6f087ca51a3795d9c8c938d365e32c1',
      signature: `6834284b6b24c3204eb2fea824d82f88883a3d95e8b4a21b8c0ded553d17d17d
        df9a8a7104b1258f30bed3787e6cb896fca78c58f8e03b5f18f14951a87d9a08`,
    },
  ]

  it.each(vectors)('mutable, salt "$salt"', ({ salt, buffer, target, signature }) => {
    const item = {
      type: 'mutable' as const,
      value,
      publicKey,
      salt: utf8(salt),
      seq: 1n,
      signature: hex(signature),
    }
    expect(fromUtf8(signedBytes(item))).toBe(buffer)
    expect(toHex(mutableTarget(publicKey, item.salt))).toBe(target)
    expect(ed25519.verify(publicKey, item.signature, signedBytes(item))).toBe(true)
    expect(isAuthentic(item, hex(target), ed25519)).toBe(true)
    expect(isAuthentic({ ...item, seq: 2n }, hex(target), ed25519)).toBe(false)
    expect(isAuthentic({ ...item, value: utf8('12:Hello world!') }, hex(target), ed25519)).toBe(false)
    expect(isAuthentic({ ...item, salt: utf8('foo') }, hex(target), ed25519)).toBe(false)
  })

  it('immutable', () => {
    const target = 'e5f96f6f38320f0f33959cb4d3d656452117aadb'
    expect(toHex(immutableTarget(value))).toBe(target)
    expect(isAuthentic({ type: 'immutable', value }, hex(target), undefined)).toBe(true)
    expect(isAuthentic({ type: 'immutable', value: utf8('2:no') }, hex(target), undefined)).toBe(false)
  })
})

describe('Ed25519 (RFC 8032, section 7.1)', () => {
  const vectors = [
    {
      seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      message: '',
      signature: `e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155
        5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b`,
    },
    {
      seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      message: '72',
      signature: `92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da
        085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00`,
    },
  ]

  it.each(vectors)('signs and verifies "$message"', ({ seed, publicKey, message, signature }) => {
    expect(toHex(ed25519.publicKeyOf(hex(seed)))).toBe(publicKey)
    expect(ed25519.sign(hex(seed), hex(message))).toEqual(hex(signature))
    expect(ed25519.verify(hex(publicKey), hex(signature), hex(message))).toBe(true)
    expect(ed25519.verify(hex(publicKey), hex(signature), concatBytes(hex(message), hex('00')))).toBe(false)
  })

  it('refuses what is no key and no signature, without throwing', () => {
    const { publicKey, signature } = vectors[0]!
    expect(ed25519.verify(new Uint8Array(31), hex(signature), hex(''))).toBe(false)
    expect(ed25519.verify(hex(publicKey), new Uint8Array(63), hex(''))).toBe(false)
    expect(ed25519.verify(new Uint8Array(32).fill(0xff), hex(signature), hex(''))).toBe(false)
    expect(() => ed25519.sign(new Uint8Array(64), hex(''))).toThrow(RangeError)
  })
})

describe('mutable torrents (BEP 46)', () => {
  const publicKey = hex('8543d3e6115f0f98c944077a4493dcd543e49c739fd998550a1f614ab36ed63e')

  it('live under key and salt', () => {
    expect(toHex(mutableTarget(publicKey))).toBe('cc3f9d90b572172053626f9980ce261a850d050b')
    expect(toHex(mutableTarget(publicKey, hex('6e')))).toBe('59ee7c2cb9b4f7eb1986ee2d18fd2fdb8a56554f')
  })

  it('name an infohash', () => {
    const infoHash = hex('aa'.repeat(20))
    expect(torrentOf(torrentValue(infoHash))).toBe('aa'.repeat(20))
    expect(torrentValue('AA'.repeat(20))).toEqual(torrentValue(infoHash))
    for (const other of ['de', 'd2:ih2:aae', 'd2:ihi1ee', 'i1e', '', 'd2:ih'])
      expect(torrentOf(utf8(other))).toBeUndefined()
    expect(() => torrentValue(new Uint8Array(32))).toThrow(RangeError)
  })
})
