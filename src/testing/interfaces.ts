/**
 * The network interfaces of a virtual host: which addresses it has, and which local networks it is on.
 * @module
 */

import type { Gateway, NetworkInterface, Subscription } from '../net/world.js'
import { ipFromBytes, ipToBytes } from '../util/address.js'
import type { VirtualClock } from './clock.js'

/** An interface of a virtual host. */
export interface InterfaceOptions {
  readonly name: string
  /** IPv4 address. */
  readonly ip?: string
  /** IPv6 address. */
  readonly ip6?: string
  /** Name of the local network that it is on: what is sent to a multicast group reaches the hosts of the same one. None by default. */
  readonly lan?: string
}

interface Interface extends InterfaceOptions {
  isUp: boolean
}

const LOOPBACK: NetworkInterface = {
  name: 'lo',
  isLoopback: true,
  isUp: true,
  addresses: [
    { host: '127.0.0.1', family: 4, prefix: 8 },
    { host: '::1', family: 6, prefix: 128 },
  ],
}

/** What interfaces need of the world around them. */
export interface InterfaceSurroundings {
  readonly clock: VirtualClock
  /** Makes the host reachable at these addresses. Throws RangeError, and changes nothing, when one is taken. */
  claim(ips: readonly string[]): void
  release(ips: readonly string[]): void
  /** Something has changed: connections that hung may go on. */
  changed(): void
  /** What the host has pending; a subscription is a part of it. */
  readonly waiting: Set<{ readonly kind: string }>
}

export class VirtualInterfaces {
  /** Default gateways; none at first. */
  gateways: { readonly 4?: Gateway; readonly 6?: Gateway } = {}
  readonly #around: InterfaceSurroundings
  readonly #all: Interface[] = []
  /** Addresses that the host had once and has not now. */
  readonly #lost = new Set<string>()
  readonly #listeners = new Set<() => void>()
  #sources: { readonly 4?: string | undefined; readonly 6?: string | undefined } = {}

  /** @internal Made with their host. */
  constructor(around: InterfaceSurroundings) {
    this.#around = around
  }

  /** All of them, the loopback first. */
  get list(): readonly NetworkInterface[] {
    const others = this.#all.map(
      ({ name, isUp, ip, ip6 }): NetworkInterface => ({
        name,
        isLoopback: false,
        isUp,
        addresses: [
          ...(ip === undefined ? [] : [addressOf(ip)]),
          ...(ip6 === undefined ? [] : [addressOf(ip6)]),
        ],
      }),
    )
    return [LOOPBACK, ...others]
  }

  /** Adds one that is up. Throws RangeError for a name or address that is taken, and for what is no IP. */
  add(options: InterfaceOptions): void {
    const { name } = options
    if (name === LOOPBACK.name || this.#find(name)) throw new RangeError(`interface ${name} is there already`)
    for (const ip of addressesOf(options)) {
      const bytes = ipToBytes(ip)
      if (!bytes || ipFromBytes(bytes) !== ip)
        throw new RangeError(`ip must be an IP address in canonical form, got ${ip}`)
    }
    const one = { ...options, isUp: false }
    this.#all.push(one)
    try {
      this.setUp(name, true)
    } catch (error) {
      this.#all.pop()
      throw error
    }
  }

  /** Takes one away: its connections hang. Throws RangeError when there is none of the name. */
  remove(name: string): void {
    this.setUp(name, false)
    this.#all.splice(this.#all.indexOf(this.#known(name)), 1)
    this.#changed()
  }

  /** Takes one down, so that its connections hang, or up again. Throws RangeError when there is none of the name. */
  setUp(name: string, isUp: boolean): void {
    const one = this.#known(name)
    if (one.isUp === isUp) return
    const addresses = addressesOf(one)
    if (isUp) this.#around.claim(addresses)
    else this.#around.release(addresses)
    one.isUp = isUp
    for (const ip of addresses) {
      if (isUp) this.#lost.delete(ip)
      else this.#lost.add(ip)
    }
    this.#changed()
  }

  /** The contract is `World.watchInterfaces`. */
  watch(changed: (interfaces: readonly NetworkInterface[]) => void): Subscription {
    const { clock, waiting } = this.#around
    const subscription = { kind: 'interface watch' }
    const listener = (): void => {
      clock.at(clock.now, () => {
        if (waiting.has(subscription)) changed(this.list)
      })
    }
    waiting.add(subscription)
    this.#listeners.add(listener)
    return {
      cancel: () => {
        waiting.delete(subscription)
        this.#listeners.delete(listener)
      },
    }
  }

  /** True for an address that the host had and has not now: nothing goes in or out there. */
  lacks(ip: string): boolean {
    return this.#lost.size > 0 && this.#lost.has(ip)
  }

  /** The first address of a family that is up. */
  source(family: 4 | 6): string | undefined {
    return this.#sources[family]
  }

  /**
   * Where datagrams to a group leave, or are received: the interface of this name, or the first one of the
   * family. Undefined when there is none that is up.
   */
  forMulticast(
    name: string | undefined,
    family: 4 | 6,
  ): { readonly name: string; readonly ip: string; readonly lan: string | undefined } | undefined {
    if (name === LOOPBACK.name) return { name, ip: family === 4 ? '127.0.0.1' : '::1', lan: undefined }
    for (const one of this.#all) {
      const ip = ofFamily(one, family)
      if (one.isUp && ip !== undefined && (name === undefined || one.name === name))
        return { name: one.name, ip, lan: one.lan }
    }
    return undefined
  }

  /** Names of the interfaces on a local network that are up. */
  namesOn(lan: string): readonly string[] {
    return this.#all.filter((one) => one.isUp && one.lan === lan).map(({ name }) => name)
  }

  #find(name: string): Interface | undefined {
    return this.#all.find((one) => one.name === name)
  }

  #known(name: string): Interface {
    const one = this.#find(name)
    if (!one) throw new RangeError(`there is no interface ${name}`)
    return one
  }

  #changed(): void {
    this.#sources = { 4: this.forMulticast(undefined, 4)?.ip, 6: this.forMulticast(undefined, 6)?.ip }
    this.#around.changed()
    for (const listener of this.#listeners) listener()
  }
}

function addressesOf({ ip, ip6 }: InterfaceOptions): readonly string[] {
  return [ip, ip6].filter((address) => address !== undefined)
}

function ofFamily(options: InterfaceOptions, family: 4 | 6): string | undefined {
  return addressesOf(options).find((ip) => ip.includes(':') === (family === 6))
}

function addressOf(host: string): NetworkInterface['addresses'][number] {
  return host.includes(':') ? { host, family: 6, prefix: 64 } : { host, family: 4, prefix: 24 }
}
