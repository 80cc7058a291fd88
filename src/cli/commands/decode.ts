/**
 * `rarest decode`: bencode as JSON.
 * @module
 */

import { Command } from 'commander'
import { type BencodeValue, decode } from '../../entry/bencode.js'
import { escapeForJson } from '../output.js'
import { naming, readInput } from '../source.js'

export function decodeCommand(): Command {
  return new Command('decode')
    .description('print bencode as JSON; bytes that are not UTF-8 as {"$hex": ...}')
    .argument('<file>', 'file, or - for standard input')
    .action(async (path: string) => {
      const input = await readInput(path)
      const value = naming(path, () => decode(input))
      process.stdout.write(`${escapeForJson(toJson(value))}\n`)
    })
}

/**
 * JSON text, two spaces a level. Written by hand: an object of JavaScript would put keys that look like
 * numbers first. Integers beyond 2^53 become decimal strings in `{"$int": ...}`, since most JSON readers
 * would round them.
 */
function toJson(value: BencodeValue, indent = ''): string {
  if (typeof value === 'number') return String(value)
  if (typeof value === 'bigint') return `{"$int":"${value}"}`
  if (value instanceof Uint8Array) {
    const string = text(value)
    return string === undefined ? `{"$hex":"${hex(value)}"}` : JSON.stringify(string)
  }
  const inner = `${indent}  `
  if (value instanceof Map) {
    return wrap(
      '{',
      '}',
      indent,
      [...value].map(([key, member]) => `${keyText(key)}: ${toJson(member, inner)}`),
    )
  }
  return wrap(
    '[',
    ']',
    indent,
    (value as readonly BencodeValue[]).map((item) => toJson(item, inner)),
  )
}

function wrap(open: string, close: string, indent: string, items: readonly string[]): string {
  if (items.length === 0) return open + close
  return `${open}\n${items.map((item) => `${indent}  ${item}`).join(',\n')}\n${indent}${close}`
}

/** Keys that are not UTF-8 start with `$hex:`, as do those that could be mistaken for our own. */
function keyText(key: string): string {
  const bytes = Buffer.from(key, 'latin1')
  const string = text(bytes)
  return JSON.stringify(string === undefined || /^\$(hex|int)/.test(string) ? `$hex:${hex(bytes)}` : string)
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function text(value: Uint8Array): string | undefined {
  try {
    return strict.decode(value)
  } catch {
    return undefined
  }
}

function hex(value: Uint8Array): string {
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex')
}
