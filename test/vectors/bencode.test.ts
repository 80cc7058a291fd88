import { describe, expect, it } from 'vitest'
import { decode, encode, span } from '../../src/bencode/index.js'
import { utf8 } from '../../src/util/bytes.js'

describe('BEP 3', () => {
  it.each([
    ['4:spam', 'spam'],
    ['i3e', 3],
    ['i-3e', -3],
    ['i0e', 0],
    ['l4:spam4:eggse', ['spam', 'eggs']],
    ['d3:cow3:moo4:spam4:eggse', { cow: 'moo', spam: 'eggs' }],
    ['d4:spaml1:a1:bee', { spam: ['a', 'b'] }],
  ])('%s', (text, value) => {
    expect(encode(value)).toEqual(utf8(text))
    expect(encode(decode(utf8(text)))).toEqual(utf8(text))
  })

  it.each(['i-0e', 'i03e'])('%s is invalid', (text) => {
    expect(() => decode(utf8(text))).toThrow(expect.objectContaining({ code: 'bencode/invalid-integer' }))
  })
})

describe('BEP 52', () => {
  it.each([
    ['d3:bar4:spam3:fooi42e4:messli1e1:cee', { bar: 'spam', foo: 42, mess: [1, 'c'] }],
    ['l1:ai42eli13ei14eee', ['a', 42, [13, 14]]],
    ['6:answer', 'answer'],
    ['0:', ''],
    ['li1eli2eli3eeee', [1, [2, [3]]]],
  ])('%s', (text, value) => {
    expect(encode(value)).toEqual(utf8(text))
    expect(encode(decode(utf8(text)))).toEqual(utf8(text))
  })

  it('the file tree, its typo mended', () => {
    const root = 'a'.repeat(32)
    const text = `d4:infod9:file treed4:dir1d4:dir2d9:fileA.txtd0:d6:lengthi1024e11:pieces root32:${root}eeeeeee`
    const path = ['info', 'file tree', 'dir1', 'dir2', 'fileA.txt', '', 'pieces root']
    const found = span(utf8(text), path)
    expect(text.slice(found?.start, found?.end)).toBe(`32:${root}`)
    expect(encode(decode(utf8(text)))).toEqual(utf8(text))
  })
})
