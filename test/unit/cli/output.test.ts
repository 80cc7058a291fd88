import { describe, expect, it } from 'vitest'
import { collectAddresses, indices, port, positive } from '../../../src/cli/arguments.js'
import {
  bytes,
  codeOf,
  duration,
  escapeForJson,
  exitCodeOf,
  Failure,
  printable,
  sentence,
} from '../../../src/cli/output.js'
import { RarestError } from '../../../src/index.js'

describe('what the command prints', () => {
  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1_572_864, '1.5 MiB'],
    [2 ** 50, '1024.0 TiB'],
  ])('%d bytes as %s', (count, text) => expect(bytes(count)).toBe(text))

  it.each([
    [0, '00:00'],
    [0.1, '00:01'],
    [61, '01:01'],
    [3723, '1:02:03'],
    [360_000, '100:00:00'],
    [Number.POSITIVE_INFINITY, '-'],
    [Number.NaN, '-'],
  ])('%d seconds as %s', (seconds, text) => expect(duration(seconds)).toBe(text))

  it.each([
    ["ENOENT: no such file or directory, open 'a b'", 'a b: no such file or directory'],
    ["EXDEV: cross-device link not permitted, rename 'a' -> 'b'", 'a: cross-device link not permitted'],
    ['EISDIR: illegal operation on a directory, read', 'illegal operation on a directory'],
    [
      'listen EADDRINUSE: address already in use 127.0.0.1:1',
      'cannot listen: address already in use 127.0.0.1:1',
    ],
    ['bind EACCES 0.0.0.0:80', 'cannot bind: 0.0.0.0:80'],
    ['two\n  lines', 'two lines'],
    ['a \u001b[31mred\u202e name', 'a \ufffd[31mred\ufffd name'],
    ['Expected nothing', 'Expected nothing'],
  ])('%j as %j', (message, text) => expect(sentence(new Error(message))).toBe(text))

  it('a code for everything, and an exit code', () => {
    expect(codeOf(new RarestError('storage/io', ''))).toBe('storage/io')
    expect(codeOf(new RangeError('x'))).toBe('cli/usage')
    expect(codeOf('thrown')).toBe('internal')
    expect(exitCodeOf(new RangeError('x'))).toBe(2)
    expect(exitCodeOf(new Failure('cli/interrupted', 'x', 130))).toBe(130)
    expect(exitCodeOf(new Error('x'))).toBe(1)
  })

  it('names without their control characters, JSON with them escaped', () => {
    expect(printable('a\tb\u009bc\u2066d')).toBe('a\ufffdb\ufffdc\ufffdd')
    expect(escapeForJson(JSON.stringify('a\u009b\u2028é'))).toBe('"a\\u009b\\u2028é"')
  })
})

describe('what the command is told', () => {
  it.each([
    ['0', [0]],
    ['0,2-4', [0, 2, 3, 4]],
    ['3, 1-2,2', [3, 1, 2]],
  ])('files %s', (text, list) => expect(indices(text)).toEqual(list))

  it.each(['', 'a', '-1', '2-1', '1,', '0-1000000', '1.5'])('refuses the files %j', (text) =>
    expect(() => indices(text)).toThrow(/Expected indices/),
  )

  it('peers', () => {
    const peers = ['127.0.0.1:1', 'seed.example:65535', '[::1]:6881']
    expect(peers.reduce<string[]>((all, peer) => collectAddresses(peer, all), [])).toEqual(peers)
    for (const wrong of ['', 'x', 'x:', ':1', 'x:0', 'x:65536', '::1:6881', '[x]:1', 'a b:1']) {
      expect(() => collectAddresses(wrong, undefined), wrong).toThrow(/Expected host:port/)
    }
  })

  it('integers', () => {
    expect(port('65535')).toBe(65_535)
    expect(positive('1')).toBe(1)
    for (const wrong of ['', '-1', '65536', '1e3', '0x1', ' 1']) expect(() => port(wrong)).toThrow()
    expect(() => positive('0')).toThrow()
  })
})
