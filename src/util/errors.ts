/**
 * Errors with stable codes. Users test `error.code`, never `instanceof`: bundlers and test runners
 * may load two copies of a class.
 * @module
 */

import type { ErrorCode } from './error-codes.js'

export type { ErrorCode } from './error-codes.js'

/** Base of every error that rarest throws on purpose. `code` is stable across releases. */
export class RarestError extends Error {
  /** Stable identifier, for instance `bencode/unsorted-key` or `storage/disk-full`. */
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'RarestError'
    this.code = code
  }
}

/** Bytes that break a protocol: `fault` says whether the other side or our caller made them. */
export class ProtocolError extends RarestError {
  readonly fault: 'remote' | 'local'
  /** Byte offset into the input at which the violation was found, where one is known. */
  readonly offset: number | undefined

  constructor(
    code: ErrorCode,
    message: string,
    options: { fault?: 'remote' | 'local'; offset?: number } = {},
  ) {
    super(code, message)
    this.name = 'ProtocolError'
    this.fault = options.fault ?? 'remote'
    this.offset = options.offset
  }
}

/** The outcome of a decoder that must not throw on remote bytes. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: ProtocolError }

/** The stable code of any thrown value; `internal` where it has none. Codes of an application's own parts are passed on. */
export function errorCode(error: unknown): ErrorCode {
  if (typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string')
    return error.code as ErrorCode
  return 'internal'
}

/** One readable sentence for any thrown value. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
