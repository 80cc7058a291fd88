/**
 * Networks of their own for real clients: Linux network namespaces with virtual Ethernet between them, with the
 * delay and loss of `tc netem`, or behind NATs. Nothing in them reaches anything else.
 */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const NAT = fileURLToPath(new URL('nat.py', import.meta.url))

/** A machine in a network of its own. */
export class Machine {
  /** Name of the namespace. */
  readonly name: string
  #interfaces = 0

  constructor(name: string) {
    this.name = name
  }

  /** Runs a program there to its end; throws with what it said when it fails. */
  run(command: string, ...args: readonly string[]): void {
    must('ip', 'netns', 'exec', this.name, command, ...args)
  }

  /** Name for the next interface. */
  interface(): string {
    return `eth${this.#interfaces++}`
  }
}

/** Where a program of a test runs: without one, on this machine. */
export interface Place {
  readonly machine?: Machine | undefined
}

/** How to spawn a program in a place. */
export function spawnIn(
  { machine }: Place,
  command: string,
  args: readonly string[],
): [command: string, args: readonly string[], options: { readonly env?: NodeJS.ProcessEnv }] {
  if (!machine) return [command, args, {}]
  // Tests keep every process on loopback; there all addresses lead to each other alone.
  const { NODE_OPTIONS: _, ...env } = process.env
  return ['ip', ['netns', 'exec', machine.name, command, ...args], { env }]
}

/** Machines and the cables between them. */
export class Lan {
  static #made = 0
  readonly #machines: Machine[] = []

  machine(): Machine {
    const machine = new Machine(`rarest-${process.pid}-${Lan.#made++}`)
    must('ip', 'netns', 'add', machine.name)
    this.#machines.push(machine)
    must('ip', '-n', machine.name, 'link', 'set', 'lo', 'up')
    return machine
  }

  /** A cable between two machines, each with one or more addresses (`a.b.c.d/n`) on it; gives the interfaces. */
  join(a: Machine, own: readonly string[], b: Machine, other: readonly string[]): [string, string] {
    const names: [string, string] = [a.interface(), b.interface()]
    const [one, two] = names
    const ends = ['link', 'add', one, 'netns', a.name, 'type', 'veth', 'peer', 'name', two, 'netns', b.name]
    must('ip', ...ends)
    for (const [{ name }, device, addresses] of [
      [a, one, own],
      [b, two, other],
    ] as const) {
      for (const address of addresses) must('ip', '-n', name, 'address', 'add', address, 'dev', device)
      must('ip', '-n', name, 'link', 'set', device, 'up')
    }
    return names
  }

  route(machine: Machine, gateway: string): void {
    must('ip', '-n', machine.name, 'route', 'add', 'default', 'via', gateway)
  }

  /** Passes on what is not for itself. */
  forward(machine: Machine): void {
    machine.run('sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
  }

  /** Passes on as a NAT of the address-and-port-restricted kind. */
  nat(machine: Machine): void {
    machine.run('/usr/bin/python3', NAT)
  }

  /** The longest packet that an interface carries from now on, headers included. */
  mtu(machine: Machine, device: string, bytes: number): void {
    must('ip', '-n', machine.name, 'link', 'set', device, 'mtu', String(bytes))
  }

  /** `tc netem` on what leaves by an interface. */
  netem(machine: Machine, device: string, ...how: readonly string[]): void {
    must('tc', '-n', machine.name, 'qdisc', 'add', 'dev', device, 'root', 'netem', ...how)
  }

  async stop(): Promise<void> {
    for (const { name } of this.#machines.splice(0)) spawnSync('ip', ['netns', 'delete', name])
  }
}

export interface Abilities {
  /** Namespaces can be made: Linux, as root, with iproute2. */
  readonly namespaces: boolean
  /** They can delay and lose: the kernel has `sch_netem`. */
  readonly netem: boolean
  /** They can be NATs: the kernel has nftables with masquerading, and there is a Python. */
  readonly nat: boolean
}

let found: Abilities | undefined

/** What this machine can do of all that; says what it cannot. */
export function abilities(): Abilities {
  if (!found) {
    const lan = new Lan()
    const attempt = (what: string, call: (machine: Machine) => void) => {
      try {
        call(lan.machine())
        return true
      } catch (error) {
        console.warn(`interop: no ${what} here: ${(error as Error).message}`)
        return false
      }
    }
    const namespaces = attempt('network namespaces', () => {})
    found = {
      namespaces,
      netem: namespaces && attempt('tc netem', (machine) => lan.netem(machine, 'lo', 'delay', '1ms')),
      nat: namespaces && attempt('NAT', (machine) => lan.nat(machine)),
    }
    void lan.stop()
  }
  return found
}

/** Runs a program to its end; throws with what it said when it fails. */
export function must(command: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(command, args, { encoding: 'utf8', timeout: 20_000 })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`)
}
