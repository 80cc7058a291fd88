import { describe, expect, it } from 'vitest'
import { decode, encode } from '../../../src/bencode/index.js'
import { utf8 } from '../../../src/util/bytes.js'

describe('decode', () => {
  it('reads BEP 3', () => {
    for (const x of [
      '4:spam',
      'i3e',
      'i-3e',
      'i0e',
      'l4:spam4:eggse',
      'd3:cow3:moo4:spam4:eggse',
      'd4:spaml1:a1:bee',
      'de',
      'le',
      '0:',
      'i123456789012345678901234567890e',
    ])
      expect(encode(decode(utf8(x)))).toEqual(utf8(x))
  })
})
