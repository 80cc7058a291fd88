import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as browser from '../../../src/hash/browser.js'
import * as node from '../../../src/hash/node.js'
import { toHex, utf8 } from '../../../src/util/bytes.js'

/** FIPS 180-4 examples. */
const vectors = [
  [
    '',
    'da39a3ee5e6b4b0d3255bfef95601890afd80709',
    'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  ],
  [
    'abc',
    'a9993e364706816aba3e25717850c26c9cd0d89d',
    'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
  ],
  [
    'abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq',
    '84983e441c3bd26ebaae4aa1f95129e5e54670f1',
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  [
    'a'.repeat(1_000_000),
    '34aa973cd4c4daa4f61eeb2bdbad27316534016f',
    'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
  ],
] as const

describe.each([
  ['node', node],
  ['browser', browser],
])('#hash in %s', (_, { sha1, sha256, sha256Runs, createSha1, createSha256 }) => {
  it('hashes run by run, also in place', () => {
    const bytes = Uint8Array.from({ length: 300 }, (_, i) => (i * 7) & 0xff)
    const into = new Uint8Array(5 * 32)
    sha256Runs(bytes, 64, into)
    const expected = [0, 64, 128, 192, 256].map((at) => toHex(sha256(bytes.slice(at, at + 64))))
    expect(toHex(into)).toBe(expected.join(''))
    sha256Runs(bytes, 64, bytes)
    expect(toHex(bytes.subarray(0, into.length))).toBe(toHex(into))
  })

  it.each(vectors)('hashes %.20j', (text, first, second) => {
    expect(toHex(sha1(utf8(text)))).toBe(first)
    expect(toHex(sha256(utf8(text)))).toBe(second)
  })

  it.each(vectors)('hashes %.20j in parts', (text, first, second) => {
    const [one, two] = [createSha1(), createSha256()]
    const bytes = utf8(text)
    for (let at = 0, step = 1; at < bytes.length; at += step, step = (step * 7) % 1021) {
      const part = bytes.slice(at, at + step)
      one.update(part)
      two.update(part)
      part.fill(0)
    }
    expect(toHex(one.digest())).toBe(first)
    expect(toHex(two.digest())).toBe(second)
  })

  it('takes views and Buffers, and gives plain Uint8Arrays', () => {
    const bytes = Buffer.from('xxabcxx').subarray(2, 5)
    const hasher = createSha1()
    hasher.update(bytes)
    for (const digest of [sha1(bytes), hasher.digest()]) {
      expect(digest.constructor).toBe(Uint8Array)
      expect(toHex(digest)).toBe('a9993e364706816aba3e25717850c26c9cd0d89d')
    }
    expect(sha256(bytes).constructor).toBe(Uint8Array)
  })

  it('digests nothing at all', () => {
    expect(toHex(createSha1().digest())).toBe(vectors[0][1])
    expect(toHex(createSha256().digest())).toBe(vectors[0][2])
  })
})

describe('both sides of #hash', () => {
  it('agree on anything, in any parts', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (parts) => {
        const whole = new Uint8Array(parts.flatMap((part) => [...part]))
        expect(browser.sha1(whole)).toEqual(node.sha1(whole))
        expect(browser.sha256(whole)).toEqual(node.sha256(whole))
        for (const [a, b] of [
          [browser.createSha1(), node.createSha1()],
          [browser.createSha256(), node.createSha256()],
        ] as const) {
          for (const part of parts) {
            a.update(part)
            b.update(part)
          }
          expect(a.digest()).toEqual(b.digest())
        }
      }),
    )
  })
})
