import { describe, expect, it } from 'vitest'
import { encode } from '../../../src/bencode/index.js'
import { decodePex, encodePex, MAX_PEX_MESSAGE } from '../../../src/pex/index.js'
import { concatBytes, toLatin1, utf8 } from '../../../src/util/bytes.js'

const A4 = Uint8Array.of(1, 2, 3, 4, 0x1a, 0xe1)
const B4 = Uint8Array.of(5, 6, 7, 8, 0, 80)
const A6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x1a, 0xe1)
const a4 = { host: '1.2.3.4', port: 6881 }
const b4 = { host: '5.6.7.8', port: 80 }
const a6 = { host: '2001:db8::9', port: 6881 }

describe('a PEX message', () => {
  it('goes there and back, both families', () => {
    const message = {
      added: [
        { address: a4, flags: 0x12 },
        { address: b4, flags: 0 },
        { address: a6, flags: 0x1f },
      ],
      dropped: [b4, a6],
    }
    const bytes = encodePex(message)
    expect(toLatin1(bytes)).toBe(
      `d5:added12:${toLatin1(A4)}${toLatin1(B4)}7:added.f2:\x12\0` +
        `6:added618:${toLatin1(A6)}8:added6.f1:\x1f` +
        `7:dropped6:${toLatin1(B4)}8:dropped618:${toLatin1(A6)}e`,
    )
    expect(decodePex(bytes)).toEqual({ ok: true, value: message })
  })

  it.each([
    ['nothing in it', {}, [], []],
    ['one list alone', { dropped: A4 }, [], [a4]],
    ['no flags', { added: A4 }, [{ address: a4, flags: 0 }], []],
    [
      'too few flags',
      { added: concatBytes(A4, B4), 'added.f': Uint8Array.of(2) },
      [a4, b4].map((address) => ({ address, flags: 0 })),
      [],
    ],
    ['too many flags', { added: A4, 'added.f': Uint8Array.of(2, 2) }, [{ address: a4, flags: 0 }], []],
    ['flags that are no string', { added: A4, 'added.f': 2 }, [{ address: a4, flags: 0 }], []],
    ['a list that is no string', { added: 5, added6: A6 }, [{ address: a6, flags: 0 }], []],
    ['port 0', { added: Uint8Array.of(1, 2, 3, 4, 0, 0) }, [], []],
    ['multicast', { added: Uint8Array.of(224, 0, 0, 1, 1, 1) }, [], []],
    [
      'the unspecified address',
      { added: new Uint8Array(6).fill(0, 0, 4).fill(1, 4), added6: new Uint8Array(18).fill(1, 16) },
      [],
      [],
    ],
    [
      'unusable ones, with the flags of the others',
      { added: concatBytes(Uint8Array.of(1, 2, 3, 4, 0, 0), B4), 'added.f': Uint8Array.of(1, 2) },
      [{ address: b4, flags: 2 }],
      [],
    ],
  ])('is read with %s', (_name, dict, added, dropped) => {
    expect(decodePex(encode(dict))).toEqual({ ok: true, value: { added, dropped } })
  })

  it('is read with keys out of order and with bytes after it', () => {
    const text = `d7:added.f1:\x026:added60:5:added6:${toLatin1(A4)}e!`
    expect(decodePex(Uint8Array.from(text, (c) => c.charCodeAt(0)))).toEqual({
      ok: true,
      value: { added: [{ address: a4, flags: 2 }], dropped: [] },
    })
  })

  it.each([
    ['nothing', new Uint8Array(), 'pex/not-a-dictionary'],
    ['a list', utf8('le'), 'pex/not-a-dictionary'],
    ['half a dictionary', utf8('d5:added'), 'pex/not-a-dictionary'],
    ['deep nesting', utf8('d'.repeat(60_000)), 'pex/not-a-dictionary'],
    [
      'many keys',
      utf8(`d${Array.from({ length: 200 }, (_, i) => `3:${100 + i}0:`).join('')}e`),
      'pex/not-a-dictionary',
    ],
    ['an odd length', encode({ added: new Uint8Array(7) }), 'pex/bad-length'],
    ['an odd length of IPv6', encode({ added6: new Uint8Array(19) }), 'pex/bad-length'],
    ['an odd length of dropped ones', encode({ added: A4, dropped: new Uint8Array(5) }), 'pex/bad-length'],
    ['half a million entries', encode({ added: new Uint8Array(3_000_000) }), 'pex/too-long'],
    ['one byte too many', new Uint8Array(MAX_PEX_MESSAGE + 1), 'pex/too-long'],
  ])('is refused: %s', (_name, bytes, code) => {
    expect(decodePex(bytes)).toMatchObject({ ok: false, error: { code, fault: 'remote' } })
  })

  it('needs IP addresses', () => {
    expect(() => encodePex({ added: [], dropped: [{ host: 'example.org', port: 1 }] })).toThrow(RangeError)
  })
})
