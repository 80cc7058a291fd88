/**
 * Names from a torrent made safe for every platform at once, so that the same torrent has the same
 * layout on Linux, macOS and Windows.
 *
 * | in the torrent | what happens | why |
 * |---|---|---|
 * | `..`, also between separators inside an element | refused, `metainfo/path-traversal` | no honest maker writes it |
 * | an element with a leading separator or `C:\` | refused, `metainfo/absolute-path` | the same |
 * | empty elements and `.` beside good ones | dropped | found in the field; they name nothing |
 * | only such elements | refused, `metainfo/empty-path` | nothing left to call the file |
 * | control and direction characters, `< > : " / \ | ? *`, bytes that are no UTF-8 | `_` | Windows cannot store them, or they hide the real name |
 * | dots and spaces at the end | `_` each | Windows drops them, which would make two names one |
 * | `CON`, `NUL.txt`, `com1` ... | `_` in front | devices on Windows |
 * | more than 240 bytes | shortened before the extension | file systems end at 255; the rest is room for a number |
 * | more than 100 elements, or 4,000 characters in all | refused, `metainfo/path-too-deep`, `metainfo/path-too-long` | no system opens such a path |
 * | the same path twice, or a file that is also a folder | refused, `metainfo/path-clash` | one would overwrite the other, and no honest maker writes it |
 * | paths that differ, but meet after case folding, Unicode normalisation or a change from this table | the later file gets a number, ` (2)` | honest on Linux (`README` beside `readme`); the outcome depends on the torrent alone |
 * @module
 */

import { fromUtf8, toLatin1, utf8 } from '../util/bytes.js'

/** Elements in one path, as libtorrent. */
export const MAX_PATH_DEPTH = 100
/** UTF-16 units in one path: Linux opens at most 4,095 bytes. */
export const MAX_PATH_LENGTH = 4000
/** Bytes of UTF-8 in one element. */
export const MAX_ELEMENT_LENGTH = 240

/** Text of a name that is meant as UTF-8 and may be anything: bytes that are not become Latin-1 or `_`. */
export function readableName(bytes: Uint8Array): string {
  const text = fromUtf8(bytes)
  if (!text.includes('\ufffd') || toLatin1(utf8(text)) === toLatin1(bytes)) return text
  // Without one well-formed sequence it is an old Western encoding; otherwise UTF-8 with damage.
  const ascii = text.replaceAll('\ufffd', '')
  return isAscii(ascii) ? toLatin1(bytes) : text.replaceAll('\ufffd', '_')
}

/** The code under which a name is refused, or undefined when {@link safeName} can mend it. */
export function nameDanger(text: string): 'metainfo/path-traversal' | 'metainfo/absolute-path' | undefined {
  if (/^(?:[\\/]|[a-z]:[\\/])/i.test(text)) return 'metainfo/absolute-path'
  return /(?:^|[\\/])\.\.(?:[\\/]|$)/.test(text) ? 'metainfo/path-traversal' : undefined
}

/** A name that every platform can store, equal to `text` where that is one. `text` is not empty and not dangerous. */
export function safeName(text: string): string {
  if (PLAIN.test(text)) return DEVICE.test(text) ? `_${text}` : text
  const name = shorten(text.replace(UNSTORABLE, '_')).replace(/[. ]+$/, (tail) => '_'.repeat(tail.length))
  return DEVICE.test(name) ? `_${name}` : name
}

/** The path element that POSIX could store for these bytes, or undefined. */
export function posixName(bytes: Uint8Array): string | undefined {
  const text = fromUtf8(bytes)
  if (text.includes('/') || text.includes('\0') || toLatin1(utf8(text)) !== toLatin1(bytes)) return undefined
  return text
}

/** A name for an error message: quoted, and short whatever the torrent holds. */
export function quoteName(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}...` : text)
}

/** A path on its way through {@link dedupePaths}. */
export interface PendingPath {
  /** Raw bytes of the elements as Latin-1, without the empty ones and `.`: two equal ones clash. */
  readonly raw: readonly string[]
  /** Safe elements; the last one is replaced when it meets another path. */
  readonly safe: string[]
}

/**
 * Makes the safe paths of all files differ, after case folding and Unicode normalisation, by numbering
 * later ones. Linear in the number of elements. `clash` is the index of a file whose raw path is another's,
 * or is the folder of another; nothing is changed then. Otherwise `renamed` lists those that got a number.
 */
export function dedupePaths(paths: readonly PendingPath[]): {
  readonly clash: number | undefined
  readonly renamed: readonly number[]
} {
  const folded = findClashes(paths, (path, depth) => foldName(path.safe[depth] as string))
  if (folded.clashes.length === 0) return { clash: undefined, renamed: [] }
  const [clash] = findClashes(paths, (path, depth) => path.raw[depth] as string).clashes
  if (clash !== undefined) return { clash, renamed: [] }
  const numbers = new Map<string, number>()
  for (const index of folded.clashes) {
    const { safe } = paths[index] as PendingPath
    const name = safe[safe.length - 1] as string
    const folder = `${folded.folders[index]}/`
    const taken = folder + foldName(name)
    let number = numbers.get(taken) ?? 2
    let numbered = withNumber(name, number)
    while (folded.taken.has(folder + foldName(numbered))) numbered = withNumber(name, ++number)
    numbers.set(taken, number + 1)
    folded.taken.set(folder + foldName(numbered), FILE)
    safe[safe.length - 1] = numbered
  }
  return { clash: undefined, renamed: folded.clashes }
}

/** Value of a file in the table of names; folders have numbers from 1, and 0 is the root. */
const FILE = -1

function findClashes(
  paths: readonly PendingPath[],
  key: (path: PendingPath, depth: number) => string,
): { readonly clashes: number[]; readonly folders: Int32Array; readonly taken: Map<string, number> } {
  const clashes: number[] = []
  const folders = new Int32Array(paths.length)
  const taken = new Map<string, number>()
  for (const [index, path] of paths.entries()) {
    const previous = index === 0 ? undefined : paths[index - 1]
    if (previous !== undefined && sameFolder(previous, path)) {
      folders[index] = folders[index - 1] as number
      continue
    }
    let folder = 0
    for (let depth = 0; depth < path.safe.length - 1; depth++) {
      const name = `${folder}/${key(path, depth)}`
      folder = taken.get(name) ?? taken.size + 1
      taken.set(name, folder)
    }
    folders[index] = folder
  }
  for (const [index, path] of paths.entries()) {
    const name = `${folders[index]}/${key(path, path.safe.length - 1)}`
    if (taken.has(name)) clashes.push(index)
    else taken.set(name, FILE)
  }
  return { clashes, folders, taken }
}

function sameFolder(a: PendingPath, b: PendingPath): boolean {
  if (a.raw.length !== b.raw.length) return false
  for (let i = 0; i < a.raw.length - 1; i++) if (a.raw[i] !== b.raw[i]) return false
  return true
}

/** What a case-insensitive, normalising file system takes for the same name. */
export function foldName(text: string): string {
  if (isAscii(text)) return text.toLowerCase()
  return text.normalize('NFD').toUpperCase().toLowerCase().normalize('NFC')
}

function withNumber(name: string, number: number): string {
  const { stem, extension } = splitExtension(name)
  return `${stem} (${number})${extension}`
}

/** Cuts to {@link MAX_ELEMENT_LENGTH} bytes between two characters, keeping a short extension. */
function shorten(text: string): string {
  if (text.length * 3 <= MAX_ELEMENT_LENGTH || utf8(text).length <= MAX_ELEMENT_LENGTH) return text
  const { stem, extension } = splitExtension(text)
  let room = MAX_ELEMENT_LENGTH - utf8(extension).length
  let kept = ''
  for (const character of stem) {
    room -= utf8(character).length
    if (room < 0) break
    kept += character
  }
  return kept + extension
}

function splitExtension(name: string): { readonly stem: string; readonly extension: string } {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || name.length - dot > 16) return { stem: name, extension: '' }
  return { stem: name.slice(0, dot), extension: name.slice(dot) }
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false
  return true
}

/** Names that need no change but for devices: most of them, told by one test. */
export const PLAIN: RegExp = /^[\w !#$%&'()+,.;=@[\]^`{}~-]{0,79}[\w!#$%&'()+,;=@[\]^`{}~-]$/

/** Characters that some platform cannot store, and those that turn the direction of the text around them. */
const UNSTORABLE = /[\p{Cc}<>:"/\\|?*\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

/** Device names of Windows, with any extension. */
export const DEVICE: RegExp =
  /^(?:con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]) *(?:\.|$)/i
