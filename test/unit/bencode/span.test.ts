import { describe, expect, it } from 'vitest'
import { decode, span, tryDecode } from '../../../src/bencode/index.js'
import { fromLatin1, fromUtf8, utf8 } from '../../../src/util/bytes.js'

const text = 'd1:ali1e2:xyd1:ki7eee4:infod6:lengthi5e4:name1:ne1:\xffi9ee'
const bytes = fromLatin1(text)

function raw(path: readonly (string | number)[]): string | undefined {
  const found = span(bytes, path)
  return found && text.slice(found.start, found.end)
}

describe('span', () => {
  it('finds values by keys and indices', () => {
    expect(raw([])).toBe(text)
    expect(raw(['info'])).toBe('d6:lengthi5e4:name1:ne')
    expect(raw(['info', 'name'])).toBe('1:n')
    expect(raw(['a'])).toBe('li1e2:xyd1:ki7eee')
    expect(raw(['a', 1])).toBe('2:xy')
    expect(raw(['a', 2, 'k'])).toBe('i7e')
    expect(raw(['\xff'])).toBe('i9e')
  })

  it('is undefined where nothing is', () => {
    for (const path of [
      ['b'],
      ['a', 3],
      ['a', -1],
      ['a', 'k'],
      ['info', 0],
      ['a', 0, 'x'],
      ['info', 'name', 0],
    ]) {
      expect(raw(path)).toBeUndefined()
    }
  })

  it('finds a value behind keys that are out of order only when asked to', () => {
    const unsorted = utf8('d1:bi1e1:ai2e4:infodee')
    expect(() => span(unsorted, ['info'])).toThrow(/must ascend/)
    expect(span(unsorted, ['info'], { unsortedKeys: true })).toEqual({ start: 19, end: 21 })
    expect(() => span(utf8('d1:bi1e1:ai2e1:bi3e4:infodee'), ['info'], { unsortedKeys: true })).toThrow(
      /twice/,
    )
  })

  it.each([
    ['d1:ad1:b', ['a', 'b']],
    ['d1:ae', ['a']],
    ['d1:ai01e1:bi1ee', ['b']],
    ['ld1:bi1e1:ai1eei2ee', [1]],
    ['ld1:ai1e1:ai1eei2ee', [1]],
    ['l9:a', [0]],
    ['l9:a', [1]],
    ['lx', [0]],
    ['', []],
    ['', ['a']],
    ['l', [0]],
    ['d', ['a']],
    [`${'l'.repeat(200)}${'e'.repeat(200)}`, []],
  ])('throws where %j is malformed on the way', (malformed, path) => {
    const expected = tryDecode(utf8(malformed))
    expect(expected.ok).toBe(false)
    if (expected.ok) return
    expect(() => span(utf8(malformed), path)).toThrow(expect.objectContaining({ code: expected.error.code }))
  })

  it.each([
    'd1:ai1e1:bi1e1:ai1ee',
    'd1:ae',
    'd1:ad1:bee',
    'd1:bi1e1:ai1ee',
    'd2:abi1e1:ai1ee',
    'd0:i1e0:i1ee',
  ])('complains about %j as the decoder does', (malformed) => {
    for (const unsortedKeys of [false, true]) {
      const expected = tryDecode(utf8(malformed), { unsortedKeys })
      if (expected.ok) continue
      const { code, offset } = expected.error
      expect(() => span(utf8(malformed), [], { unsortedKeys })).toThrow(
        expect.objectContaining({ code, offset }),
      )
    }
  })

  it('does not look behind the value', () => {
    expect(span(utf8('d1:ai1e garbage'), ['a'])).toEqual({ start: 4, end: 7 })
  })

  it('counts depth and tokens on the way', () => {
    expect(() => span(utf8('llleee'), [0], { maxDepth: 2 })).toThrow(/deeper/)
    expect(() => span(utf8('li1ei2ee'), [1], { maxTokens: 2 })).toThrow(/more than 2/)
  })

  it('agrees with decode', () => {
    const found = span(bytes, ['info'])
    expect(found && decode(bytes.subarray(found.start, found.end))).toEqual(
      (decode(bytes) as Map<string, unknown>).get('info'),
    )
    expect(fromUtf8(bytes.subarray(0, 4))).toBe('d1:a')
  })
})
