/**
 * The few globals that protocol cores may use and that both Node and browsers have.
 * `tsconfig.core.json` compiles the cores with these alone: no DOM, no Node types.
 * Under the main tsconfig the identical declarations of `@types/node` merge with them.
 */
interface TextEncoder {
  encode(input?: string): Uint8Array
  encodeInto(input: string, into: Uint8Array): { read: number; written: number }
}
interface TextDecoder {
  decode(input?: Uint8Array, options?: { stream?: boolean }): string
}
