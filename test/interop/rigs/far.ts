/** A long way between peers, `far.mjs` in a process of its own. */

import { fileURLToPath } from 'node:url'
import { JsonChild } from './child.mjs'
import { type Place, spawnIn } from './namespaces.js'

const PROGRAM = fileURLToPath(new URL('far.mjs', import.meta.url))

export class Far {
  readonly child: JsonChild
  /** `host:port` at which each target is reached the long way. */
  readonly addresses: readonly string[]

  /** `delay` ms each way, `loss` the share lost each way; `host` is its own address, default 127.0.0.1. */
  static async start(
    targets: readonly string[],
    link: { readonly delay: number; readonly loss: number; readonly host?: string },
    place: Place = {},
  ): Promise<Far> {
    const program = spawnIn(place, process.execPath, [PROGRAM, JSON.stringify({ targets, ...link })])
    const child = new JsonChild('far', ...program)
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
