/**
 * The few globals that protocol cores may use and that both Node and browsers have.
 * `tsconfig.core.json` compiles the cores with these alone: no DOM, no Node types.
 * The main tsconfig leaves this file out and takes them from `@types/node`.
 */
interface TextEncoder {
  encode(input?: string): Uint8Array
  encodeInto(input: string, into: Uint8Array): { read: number; written: number }
}
declare const TextEncoder: { new (): TextEncoder }
interface TextDecoder {
  decode(input?: Uint8Array, options?: { stream?: boolean }): string
}
declare const TextDecoder: { new (label?: string, options?: { ignoreBOM?: boolean }): TextDecoder }
