/** A long way between peers, `far.mjs` in a process of its own. */

import { fileURLToPath } from 'node:url'
import { JsonChild } from './child.mjs'

const PROGRAM = fileURLToPath(new URL('far.mjs', import.meta.url))

export class Far {
  readonly child: JsonChild
  /** `host:port` at which each target is reached the long way. */
  readonly addresses: readonly string[]

  /** `delay` ms each way, `loss` the share lost each way. */
  static async start(
    targets: readonly string[],
    link: { readonly delay: number; readonly loss: number },
  ): Promise<Far> {
    const child = new JsonChild('far', process.execPath, [PROGRAM, JSON.stringify({ targets, ...link })])
    const { listening } = await child.event('ready')
    return new Far(child, listening)
  }

  private constructor(child: JsonChild, addresses: readonly string[]) {
    this.child = child
    this.addresses = addresses
  }

  get log(): string {
    return this.child.log
  }

  async stop(): Promise<void> {
    await this.child.stop()
  }
}
