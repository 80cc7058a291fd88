/* global expect, test */
const { RarestError } = require('rarest')
const { decode, encode } = require('rarest/bencode')

test('bencode round trip', () => {
  expect(decode(encode({ spam: ['a', 1] }))).toEqual(new Map([['spam', [Uint8Array.of(97), 1]]]))
})

test('errors carry their code', () => {
  expect(() => decode(new Uint8Array())).toThrow(expect.objectContaining({ code: 'bencode/unexpected-end' }))
  expect(new RarestError('a/b', 'c').code).toBe('a/b')
})
