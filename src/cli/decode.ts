/**
 * `rarest decode`: bencode as JSON.
 * @module
 */

import { readFile } from 'node:fs/promises'
import { Command } from 'commander'
import { type BencodeValue, decode } from '../entry/bencode.js'
import { printLine } from './output.js'

export function decodeCommand(): Command {
  return new Command('decode')
    .description('print bencode as JSON; bytes that are not UTF-8 as {"$hex": ...}')
    .argument('<file>', 'file, or - for standard input')
    .action(async (path: string) => {
      const input = path === '-' ? await standardInput() : await readFile(path)
      printLine(JSON.stringify(toJson(decode(input)), null, 2))
    })
}

async function standardInput(): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function text(value: Uint8Array): string | undefined {
  try {
    return strict.decode(value)
  } catch {
    return undefined
  }
}

/** Integers beyond 2^53 become decimal strings in `{"$int": ...}`, since JSON readers would round them. */
function toJson(value: BencodeValue): unknown {
  if (typeof value === 'number') return value
  if (typeof value === 'bigint') return { $int: String(value) }
  if (value instanceof Uint8Array) return text(value) ?? { $hex: Buffer.from(value).toString('hex') }
  if (value instanceof Map) {
    const object: Record<string, unknown> = Object.create(null)
    for (const [key, member] of value)
      object[text(Buffer.from(key, 'latin1')) ?? `$hex:${Buffer.from(key, 'latin1').toString('hex')}`] =
        toJson(member)
    return object
  }
  return (value as readonly BencodeValue[]).map(toJson)
}
