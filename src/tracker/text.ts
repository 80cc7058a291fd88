/**
 * Text and binary values of tracker URLs and messages.
 * @module
 */

import { fromUtf8 } from '../util/bytes.js'

const ESCAPES: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const char = String.fromCharCode(byte)
  return /[A-Za-z0-9\-._~]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
})

/** Percent-encoding byte by byte; letters, digits and `-._~` stay (RFC 3986 section 2.3). */
export function escapeBytes(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += ESCAPES[byte]
  return text
}

/** Longest message kept from a tracker, in characters: a sentence, not a document. */
const LONGEST_MESSAGE = 500

/** A tracker's message as one printable line: control characters (terminal escapes) become spaces, long ones are cut. */
export function messageText(bytes: Uint8Array): string {
  const text = fromUtf8(bytes.subarray(0, 4 * LONGEST_MESSAGE)).slice(0, LONGEST_MESSAGE)
  let line = ''
  for (const char of text) line += isControl(char.charCodeAt(0)) ? ' ' : char
  return line.trim()
}

function isControl(code: number): boolean {
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true
  // Line separators, and what turns the direction of text: embeddings, overrides, isolates.
  return (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069)
}

/** A tracker URL taken apart without changing a byte of it. */
export interface TrackerUrl {
  /** Lower-case, without the colon. */
  readonly scheme: string
  /** Name or IP, without brackets. */
  readonly host: string
  /** The port, also where it is only implied; 0 when a `udp:` URL names none. */
  readonly port: number
  /** Everything from the path on, fragment removed: `/announce?x=1`, or empty. */
  readonly target: string
}

/** Longest URL taken, in characters: what servers take (8 KiB) less the room for our parameters. */
const LONGEST_URL = 7_000

/** The parts of a tracker URL, or undefined when it is none. */
export function parseTrackerUrl(url: string): TrackerUrl | undefined {
  if (url.length > LONGEST_URL) return undefined
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)([^#]*)/.exec(url)
  if (!match) return undefined
  const authority = (match[2] as string).slice((match[2] as string).lastIndexOf('@') + 1)
  const endpoint = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5})?)?$/.exec(authority)
  // URL parsers read a backslash as a slash: they would ask another host than the one seen here.
  if (!endpoint || match[2]?.includes('\\')) return undefined
  const scheme = (match[1] as string).toLowerCase()
  const implied = scheme === 'http' ? 80 : scheme === 'https' ? 443 : 0
  const port = endpoint[3] === undefined ? implied : Number(endpoint[3])
  if (port > 65_535) return undefined
  const target = match[3] as string
  // Spaces and control characters could split an HTTP request line.
  for (let i = 0; i < target.length; i++)
    if (target.charCodeAt(i) <= 0x20 || target.charCodeAt(i) === 0x7f) return undefined
  return { scheme, host: (endpoint[1] ?? endpoint[2]) as string, port, target }
}
