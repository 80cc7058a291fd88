/**
 * What every command prints: results on stdout, trouble on stderr as one sentence with its code.
 * @module
 */

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

/** Prints an error to stderr: `rarest: <sentence> (<code>)`. A reader of stdout that left needs no words. */
export function report(error: unknown): void {
  if (codeOf(error) !== 'EPIPE') process.stderr.write(`rarest: ${sentence(error)} (${codeOf(error)})\n`)
}

/** One readable line for an error, without its code. */
export function sentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return printable(systemSentence(message).replaceAll(/\s*\n\s*/g, ' '))
}

/** The stable code of an error, `internal` where it has none. */
export function codeOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code
  return error instanceof RangeError || error instanceof TypeError ? 'cli/usage' : 'internal'
}

/** 2 for a wrong call, as POSIX tools have it; 1 for what went wrong later. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Failure) return error.exitCode
  return codeOf(error) === 'cli/usage' ? 2 : 1
}

/** Lower-case hex, or null for a hash that is not there. */
export function hex(hash: Uint8Array | undefined): string | null {
  return hash ? Buffer.from(hash.buffer, hash.byteOffset, hash.length).toString('hex') : null
}

/** One JSON object a line. */
export function printJson(value: unknown): void {
  process.stdout.write(`${escapeForJson(JSON.stringify(value))}\n`)
}

/** One line of text. Control characters of foreign names do not reach the terminal. */
export function printLine(text: string): void {
  process.stdout.write(`${printable(text)}\n`)
}

/** Text that cannot move the cursor, ring the bell, or turn the direction of writing. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, '\ufffd')
}

/** JSON text whose lines stay lines, and whose strings hold no control characters of terminals. */
export function escapeForJson(json: string): string {
  return json.replaceAll(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

const readerGone = new Set<() => void>()

/** Calls back when stdout is not read any more; returns how to stop that. */
export function onReaderGone(call: () => void): () => void {
  readerGone.add(call)
  return () => readerGone.delete(call)
}

/** Makes a closed pipe quiet: a command that runs for long is told, one that is about to end ends. */
export function guardOutput(): void {
  process.stderr.on('error', () => {})
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE' || error.code === 'EIO') {
      for (const call of readerGone) call()
      return
    }
    report(error)
    process.exit(1)
  })
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

/** `05:09`, `1:02:03`, or `-` when it never ends. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-'
  const whole = Math.ceil(seconds)
  const [hours, ...parts] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const rest = parts.map((part) => String(part).padStart(2, '0')).join(':')
  return hours === 0 ? rest : `${hours}:${rest}`
}

/** `ENOENT: no such file or directory, open 'a'` as `a: no such file or directory`, and the like. */
function systemSentence(message: string): string {
  const file = /^E[A-Z0-9]+: (.+?), \w+(?: '(.*?)'(?: -> '.*')?)?$/s.exec(message)
  if (file) return file[2] === undefined ? (file[1] as string) : `${file[2]}: ${file[1]}`
  const network = /^(\w+) E[A-Z0-9]+:? ?(.*)$/s.exec(message)
  if (!network) return message
  return `cannot ${network[1]}: ${network[2] || 'the system refuses it'}`
}
