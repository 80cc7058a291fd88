import { describe, expect, it } from 'vitest'
import { messageText, parseTrackerUrl } from '../../../src/tracker/text.js'
import { utf8 } from '../../../src/util/bytes.js'

describe('tracker URL', () => {
  it.each([
    ['http://t/announce', { scheme: 'http', host: 't', port: 80, target: '/announce' }],
    ['HTTPS://t', { scheme: 'https', host: 't', port: 443, target: '' }],
    ['udp://t:1337/a?b#c', { scheme: 'udp', host: 't', port: 1337, target: '/a?b' }],
    ['udp://t/a', { scheme: 'udp', host: 't', port: 0, target: '/a' }],
    ['http://t:/a', { scheme: 'http', host: 't', port: 80, target: '/a' }],
    ['http://user:pw@t:8080/a', { scheme: 'http', host: 't', port: 8080, target: '/a' }],
    ['udp://[2001:db8::1]:80?x', { scheme: 'udp', host: '2001:db8::1', port: 80, target: '?x' }],
    ['wss://t/', { scheme: 'wss', host: 't', port: 0, target: '/' }],
  ])('%s', (url, parts) => {
    expect(parseTrackerUrl(url)).toEqual(parts)
  })

  it.each([
    ['no scheme', 't/announce'],
    ['no host', 'http:///announce'],
    ['a port out of range', 'http://t:65536/'],
    ['a port with letters', 'http://t:8o/'],
    ['a space in the path', 'http://t/a b'],
    ['a line end', 'http://t/a\r\nx: y'],
    ['a delete character', 'http://t/a\x7f'],
    ['a space in the host', 'http://t x/'],
    ['an IPv6 host without brackets', 'http://2001:db8::1/'],
    // URL parsers read a backslash as a slash: the host that is looked up would not be the one that is asked.
    ['a backslash in the host', 'http://127.0.0.1\\@example.com/announce'],
    ['too many characters', `http://t/${'a'.repeat(7_000)}`],
  ])('refuses %s', (_, url) => {
    expect(parseTrackerUrl(url)).toBeUndefined()
  })
})

it("a tracker's words become one line of printable text", () => {
  expect(messageText(utf8(' a\nb\tc\x1bd\u009be\u202ef\u2028g\u2067h\x7f '))).toBe('a b c d e f g h')
  expect(messageText(Uint8Array.of(0x41, 0xff))).toBe('A\ufffd')
  expect(messageText(new Uint8Array(1_000_000).fill(0x41))).toHaveLength(500)
})
