/**
 * What every command prints: results on stdout, trouble on stderr as one sentence with its code.
 * @module
 */

import { InvalidArgumentError } from 'commander'

/** Ends a command with an exit code and one sentence. */
export class Failure extends Error {
  readonly code: string
  readonly exitCode: number

  constructor(code: string, message: string, exitCode = 1) {
    super(message)
    this.name = 'Failure'
    this.code = code
    this.exitCode = exitCode
  }
}

/** Prints an error to stderr: `rarest: <sentence> (<code>)`. */
export function report(error: unknown): void {
  process.stderr.write(`rarest: ${sentence(error)}\n`)
}

/** One line for an error, with its code. */
export function sentence(error: unknown): string {
  const message = (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ')
  return `${message} (${codeOf(error)})`
}

/** The stable code of an error, `internal` where it has none. */
export function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code
  return error instanceof RangeError || error instanceof TypeError ? 'usage' : 'internal'
}

/** One JSON object a line. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** `1.5 MiB`. */
export function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let unit = 0
  let rest = count
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024
    unit++
  }
  return `${unit === 0 ? rest : rest.toFixed(1)} ${units[unit]}`
}

/** `1:02:03`, or `-` when it never ends. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-'
  const whole = Math.ceil(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const text = parts.map((part) => String(part).padStart(2, '0')).join(':')
  return text.replace(/^(00:)/, '')
}

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value]
}

/** Parses a port option. */
export function port(value: string): number {
  return integer(value, 0, 65_535)
}

/** Parses an option that is a positive integer. */
export function positive(value: string): number {
  return integer(value, 1, Number.MAX_SAFE_INTEGER)
}

/** Parses `0,2-4` into indices; ranges are limited to a million files. */
export function indices(value: string): number[] {
  const list: number[] = []
  for (const part of value.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim())
    const first = Number(match?.[1])
    const last = Number(match?.[2] ?? match?.[1])
    if (!match || last < first || last - first >= 1_000_000) {
      throw new InvalidArgumentError(`expected indices such as 0,2-4, got ${value}`)
    }
    for (let index = first; index <= last; index++) list.push(index)
  }
  return list
}

function integer(value: string, least: number, most: number): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw new InvalidArgumentError(`expected an integer in ${least} .. ${most}, got ${value}`)
  }
  return number
}
