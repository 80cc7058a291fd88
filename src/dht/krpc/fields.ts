/**
 * Reading the arguments of a query and the values of a reply: one dictionary with the keys of all methods,
 * each kept when it has the type that it should have.
 * @module
 */

import type { Want } from './message.js'
import { reader } from './reader.js'

/** Tokens of the field have 4 to 20 bytes; ours are echoed whole. */
const LONGEST_TOKEN = 256

const WANT_4: Want = [4]
const WANT_6: Want = [6]
const WANT_BOTH: Want = [4, 6]

/** What was found. Strings have any length but where a length is named. */
class Fields {
  id: Uint8Array | undefined
  target: Uint8Array | undefined
  infoHash: Uint8Array | undefined
  want: Want | undefined
  /** 1 .. 256 bytes. */
  token: Uint8Array | undefined
  nodes: Uint8Array | undefined
  nodes6: Uint8Array | undefined
  /** Each 6 or 18 bytes. */
  values: Uint8Array[] | undefined
  port: number | bigint | undefined
  impliedPort = false
  seed = false
  noSeed = false
  scrape = false
  /** True when one of the fields below was there. */
  hasRare = false
  /** 256 bytes. */
  seedFilter: Uint8Array | undefined
  /** 256 bytes. */
  peerFilter: Uint8Array | undefined
  /** The value as it is bencoded. */
  v: Uint8Array | undefined
  k: Uint8Array | undefined
  seq: bigint | undefined
  sig: Uint8Array | undefined
  salt: Uint8Array | undefined
  cas: bigint | undefined
  interval: number | undefined
  num: number | undefined
  samples: Uint8Array | undefined

  clear(): void {
    this.id = undefined
    this.target = undefined
    this.infoHash = undefined
    this.want = undefined
    this.token = undefined
    this.nodes = undefined
    this.nodes6 = undefined
    this.values = undefined
    this.port = undefined
    this.impliedPort = false
    this.seed = false
    this.noSeed = false
    this.scrape = false
    if (!this.hasRare) return
    this.hasRare = false
    this.seedFilter = undefined
    this.peerFilter = undefined
    this.v = undefined
    this.k = undefined
    this.seq = undefined
    this.sig = undefined
    this.salt = undefined
    this.cas = undefined
    this.interval = undefined
    this.num = undefined
    this.samples = undefined
  }
}

/** The fields of the message at hand: overwritten by the next. */
export const fields: Fields = new Fields()

/** Memory for the keys that nearly every message has; a view of the datagram costs five times as much. */
const lentId = new Uint8Array(20)
const lentTarget = new Uint8Array(20)
const lentInfoHash = new Uint8Array(20)

/**
 * Reads the dictionary that begins at the byte `start` of the reader's datagram, which was walked over before:
 * its strings and integers are whole. False when there is none, or a key is no string. With `lends` ids are in
 * memory that the next message overwrites.
 */
export function readFields(start: number, lends: boolean): boolean {
  const r = reader
  const f = fields
  f.clear()
  r.at = start
  if (start === 0 || !r.enterDict()) return false
  while (!r.isAtEnd) {
    if (!r.string()) return false
    switch (r.to - r.from) {
      case 2:
        if (r.is('id')) f.id = idValue(lends ? lentId : undefined)
        else r.skip()
        break
      case 4:
        if (r.is('want')) f.want = wantValue()
        else if (r.is('port')) f.port = r.integerValue()
        else if (r.is('seed')) f.seed = flagValue()
        else readRare()
        break
      case 5:
        if (r.is('token')) f.token = tokenValue()
        else if (r.is('nodes')) f.nodes = r.stringValue()
        else r.skip()
        break
      case 6:
        if (r.is('target')) f.target = idValue(lends ? lentTarget : undefined)
        else if (r.is('nodes6')) f.nodes6 = r.stringValue()
        else if (r.is('values')) f.values = peerValues()
        else if (r.is('noseed')) f.noSeed = flagValue()
        else if (r.is('scrape')) f.scrape = flagValue()
        else r.skip()
        break
      case 9:
        if (r.is('info_hash')) f.infoHash = idValue(lends ? lentInfoHash : undefined)
        else r.skip()
        break
      case 12:
        if (r.is('implied_port')) f.impliedPort = flagValue()
        else r.skip()
        break
      default:
        readRare()
    }
  }
  return true
}

/** The fields of BEP 33, 44 and 51. */
function readRare(): void {
  const r = reader
  const f = fields
  f.hasRare = true
  switch (r.to - r.from) {
    case 1:
      if (r.is('v')) {
        const start = r.at
        f.v = r.skip() ? r.view(start, r.at) : undefined
      } else if (r.is('k')) f.k = r.stringValue()
      else r.skip()
      break
    case 3:
      if (r.is('seq')) f.seq = wideValue()
      else if (r.is('sig')) f.sig = r.stringValue()
      else if (r.is('cas')) f.cas = wideValue()
      else if (r.is('num')) f.num = countValue()
      else r.skip()
      break
    case 4:
      if (r.is('salt')) f.salt = r.stringValue()
      else if (r.is('BFsd')) f.seedFilter = sized(r.stringValue(), 256)
      else if (r.is('BFpe')) f.peerFilter = sized(r.stringValue(), 256)
      else r.skip()
      break
    case 7:
      if (r.is('samples')) f.samples = r.stringValue()
      else r.skip()
      break
    case 8:
      if (r.is('interval')) f.interval = countValue()
      else r.skip()
      break
    default:
      r.skip()
  }
}

/** The bytes, when they are as many as they should be. */
export function sized(bytes: Uint8Array | undefined, length: number): Uint8Array | undefined {
  return bytes?.length === length ? bytes : undefined
}

function idValue(lent: Uint8Array | undefined): Uint8Array | undefined {
  const r = reader
  if (!r.isStringValue() || r.to - r.from !== 20) return undefined
  return lent ? r.copyTo(lent) : r.view(r.from, r.to)
}

function tokenValue(): Uint8Array | undefined {
  const token = reader.stringValue()
  return token !== undefined && token.length > 0 && token.length <= LONGEST_TOKEN ? token : undefined
}

function wideValue(): bigint | undefined {
  const value = reader.integerValue()
  return value === undefined ? undefined : BigInt(value)
}

function countValue(): number | undefined {
  const value = reader.integerValue()
  return typeof value === 'number' && value >= 0 ? value : undefined
}

function flagValue(): boolean {
  const value = reader.integerValue()
  return value !== undefined && value !== 0
}

function wantValue(): Want | undefined {
  const r = reader
  if (!r.enterList()) {
    r.skip()
    return undefined
  }
  let wants4 = false
  let wants6 = false
  while (!r.isAtEnd) {
    if (!r.isStringValue() || r.to - r.from !== 2) continue
    if (r.is('n4')) wants4 = true
    else if (r.is('n6')) wants6 = true
  }
  r.at++
  return wants4 ? (wants6 ? WANT_BOTH : WANT_4) : wants6 ? WANT_6 : undefined
}

/** A list of peers, each of 6 or 18 bytes; others are left out. */
function peerValues(): Uint8Array[] | undefined {
  const r = reader
  if (!r.enterList()) {
    r.skip()
    return undefined
  }
  const values: Uint8Array[] = []
  while (!r.isAtEnd) {
    if (!r.isStringValue()) continue
    const size = r.to - r.from
    if (size === 6 || size === 18) values.push(r.view(r.from, r.to))
  }
  r.at++
  return values
}
