import type { SpawnOptions } from 'node:child_process'

/** One line of a child's output. Fields beyond these are as its driver documents. */
export interface ChildMessage {
  readonly id?: number
  readonly event?: string
  readonly error?: string
  // biome-ignore lint/suspicious/noExplicitAny: foreign output, read by the tests field by field
  readonly [field: string]: any
}

/** A child process that speaks JSON lines: events on stdout, commands with an `id` on stdin. */
export class JsonChild {
  constructor(name: string, command: string, args: readonly string[], options?: SpawnOptions)
  readonly name: string
  readonly pid: number
  /** Events that nobody has taken yet, in order. */
  readonly events: ChildMessage[]
  /** Set once the process ended: its exit code, or the name of the signal. */
  readonly exit: number | string | undefined
  /** What the process said, for the message of a failure. */
  readonly log: string
  /** Takes the first event of this name (and `match`), past or future. `timeout` in ms. */
  event(
    name: string,
    options?: { timeout?: number; match?: (message: ChildMessage) => boolean },
  ): Promise<ChildMessage>
  /** Sends a command and resolves to its answer; rejects with what the process calls an error. */
  request(
    command: { readonly cmd: string; readonly [field: string]: unknown },
    options?: { timeout?: number },
  ): Promise<ChildMessage>
  /** Resolves to the exit code or signal. */
  ended(options?: { timeout?: number }): Promise<number | string>
  signal(name: NodeJS.Signals): void
  /** Ends the process: asks, then insists. Always resolves once it is gone. */
  stop(options?: { grace?: number }): Promise<number | string>
}
