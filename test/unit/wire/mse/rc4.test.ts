import { describe, expect, it } from 'vitest'
import { Rc4 } from '../../../../src/wire/mse/rc4.js'
import { seededRandom } from '../../../support/random.js'

const key = Uint8Array.of(1, 2, 3, 4, 5)

/** The cipher as textbooks have it. */
function reference(bytes: Uint8Array, drop: number): Uint8Array {
  const state = Array.from({ length: 256 }, (_, i) => i)
  const swap = (a: number, b: number): void => {
    const kept = state[a] as number
    state[a] = state[b] as number
    state[b] = kept
  }
  for (let i = 0, j = 0; i < 256; i++) {
    j = (j + (state[i] as number) + (key[i % key.length] as number)) % 256
    swap(i, j)
  }
  let [i, j] = [0, 0]
  const next = (): number => {
    i = (i + 1) % 256
    j = (j + (state[i] as number)) % 256
    swap(i, j)
    return state[((state[i] as number) + (state[j] as number)) % 256] as number
  }
  for (let dropped = 0; dropped < drop; dropped++) next()
  return bytes.map((byte) => byte ^ next())
}

describe('RC4', () => {
  const plain = seededRandom(1).bytes(5_000)
  const secret = reference(plain, 1024)

  it('encrypts as the textbook does, in place or elsewhere, wherever the bytes lie', () => {
    for (let from = 0; from < 5; from++) {
      for (let into = 0; into < 5; into++) {
        const source = new Uint8Array(plain.length + 8)
        source.set(plain, from)
        const target = new Uint8Array(plain.length + 8)
        new Rc4(key).apply(source.subarray(from, from + plain.length), target.subarray(into))
        expect(target.subarray(into, into + plain.length)).toEqual(secret)
        expect(target.subarray(into + plain.length).every((byte) => byte === 0)).toBe(true)
        expect(source.subarray(from, from + plain.length)).toEqual(plain)
        const place = source.subarray(from, from + plain.length)
        new Rc4(key).apply(place, place)
        expect(place).toEqual(secret)
      }
    }
  })

  it.each([1, 3, 31, 32, 33, 35, 64, 257, 4_999])('goes on from call to call, %i bytes each', (size) => {
    const cipher = new Rc4(key)
    const bytes = plain.slice()
    for (let at = 0; at < bytes.length; at += size) {
      const part = bytes.subarray(at, at + size)
      cipher.apply(part, part)
    }
    expect(bytes).toEqual(secret)
  })

  it('decrypts Node Buffers', () => {
    const chunk = Buffer.from(secret)
    new Rc4(key).apply(chunk, chunk)
    expect(chunk.equals(plain)).toBe(true)
  })

  it('refuses keys of no length, and targets that are too small', () => {
    expect(() => new Rc4(new Uint8Array(0))).toThrow(RangeError)
    expect(() => new Rc4(new Uint8Array(257))).toThrow(RangeError)
    expect(() => new Rc4(key).apply(plain, new Uint8Array(10))).toThrow('5000 bytes do not fit into 10')
  })
})
