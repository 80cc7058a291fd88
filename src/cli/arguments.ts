/**
 * Parsers of option values. A wrong one ends the command before it does anything.
 * @module
 */

import { InvalidArgumentError, Option } from 'commander'

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value]
}

/** Collects addresses of peers or nodes, as {@link address} takes them. */
export function collectAddresses(value: string, previous: readonly string[] | undefined): string[] {
  return collect(address(value), previous)
}

/** Checks the address of a peer or node: `host:port` or `[v6]:port`. */
export function address(value: string): string {
  const [, given] = /^(?:\[[0-9a-f:.]+\]|[^\s:[\]]+):(\d+)$/i.exec(value) ?? []
  if (given === undefined || Number(given) < 1 || Number(given) > 65_535) {
    throw new InvalidArgumentError(`Expected host:port or [v6]:port, got ${value}.`)
  }
  return value
}

export function natural(value: string): number {
  return integer(value, 0, Number.MAX_SAFE_INTEGER)
}

export function port(value: string): number {
  return integer(value, 0, 65_535)
}

export function positive(value: string): number {
  return integer(value, 1, Number.MAX_SAFE_INTEGER)
}

/** The option `--encryption` with its policies. */
export function encryption(): Option {
  return new Option('--encryption <policy>', 'encrypted connections, both ways (default: enabled)').choices([
    'disabled',
    'enabled',
    'preferred',
    'required',
  ])
}

/** More files than any torrent that loads. */
const MOST_FILES = 1_000_000

/** Parses `0,2-4` into indices. */
export function indices(value: string): number[] {
  const chosen = new Set<number>()
  for (const part of value.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim())
    const first = Number(match?.[1])
    const last = Number(match?.[2] ?? match?.[1])
    if (!match || last < first || last >= MOST_FILES) {
      throw new InvalidArgumentError(`Expected indices of files such as 0,2-4, got ${value}.`)
    }
    for (let index = first; index <= last; index++) chosen.add(index)
  }
  return [...chosen]
}

function integer(value: string, least: number, most: number): number {
  const number = Number(value)
  if (!/^\d+$/.test(value) || number < least || number > most) {
    throw new InvalidArgumentError(`Expected an integer in ${least} .. ${most}, got ${value}.`)
  }
  return number
}
