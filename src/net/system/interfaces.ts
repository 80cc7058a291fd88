/**
 * The network interfaces of the machine, and their changes.
 * @module
 */

import { networkInterfaces } from 'node:os'
import type { InterfaceAddress, NetworkInterface, Subscription } from '../world.js'
import { plainIp } from './tcp.js'

/** ms between two looks: Node has no event for it, a look costs 0.1 ms, and a router takes longer to give an address. */
const PERIOD = 5_000

/**
 * The interfaces that are up and have an address; the systems' list that Node gives has no others. Throws with
 * the system's code where that may not be asked for.
 */
export function systemInterfaces(): readonly NetworkInterface[] {
  return Object.entries(networkInterfaces()).map(([name, all = []]) => ({
    name,
    isLoopback: all.some(({ internal }) => internal),
    isUp: true,
    addresses: all.map(({ address, family, cidr }): InterfaceAddress => {
      const isV6 = family === 'IPv6'
      const prefix = Number(cidr?.split('/')[1] ?? (isV6 ? 128 : 32))
      return { host: plainIp(address), family: isV6 ? 6 : 4, prefix }
    }),
  }))
}

/** Looks at the interfaces again and again while somebody wants to know of changes. */
export class InterfaceWatch {
  readonly #look: () => readonly NetworkInterface[]
  readonly #period: number
  readonly #listeners = new Set<(interfaces: readonly NetworkInterface[]) => void>()
  #timer: NodeJS.Timeout | undefined
  #known = ''

  constructor(look: () => readonly NetworkInterface[], period: number = PERIOD) {
    this.#look = look
    this.#period = period
  }

  add(changed: (interfaces: readonly NetworkInterface[]) => void): Subscription {
    // An object of its own: the same function may be added twice.
    const listener = (interfaces: readonly NetworkInterface[]): void => changed(interfaces)
    if (this.#listeners.size === 0) this.#start()
    this.#listeners.add(listener)
    return {
      cancel: () => {
        this.#listeners.delete(listener)
        if (this.#listeners.size > 0) return
        clearInterval(this.#timer)
        this.#timer = undefined
      },
    }
  }

  #start(): void {
    this.#known = keyOf(this.#now() ?? [])
    // To wait for changes is no reason for the process to live on.
    this.#timer = setInterval(() => {
      const interfaces = this.#now()
      if (!interfaces) return
      const key = keyOf(interfaces)
      if (key === this.#known) return
      this.#known = key
      for (const listener of [...this.#listeners]) if (this.#listeners.has(listener)) listener(interfaces)
    }, this.#period).unref()
  }

  #now(): readonly NetworkInterface[] | undefined {
    try {
      return this.#look()
    } catch {
      // What cannot be asked for now is no change.
      return undefined
    }
  }
}

/** Equal for interfaces that are, in whatever order the system lists them. */
function keyOf(interfaces: readonly NetworkInterface[]): string {
  return interfaces
    .map(({ name, isUp, addresses }) =>
      [name, isUp, ...addresses.map(({ host, prefix }) => `${host}/${prefix}`).sort()].join(' '),
    )
    .sort()
    .join('\n')
}
