/**
 * Virtual UDP: lost, doubled, late, or too large, as the network's options say.
 * @module
 */

import type { BindOptions, DatagramSocket } from '../net/world.js'
import { type Address, addressKey, ipToBytes } from '../util/address.js'
import { RarestError } from '../util/errors.js'
import type { Bound, Surroundings, VirtualHost } from './host.js'
import { spoil } from './memory.js'

/** Largest UDP payload over IPv4. */
const LARGEST = 65_507
/** Bytes of IP and UDP headers, which take bandwidth too. */
const HEADERS = 28
/** Bytes that wait in front of a busy line before datagrams are dropped: a usual router's buffer. */
const LINE_QUEUE = 131_072

export async function bindVirtual(
  host: VirtualHost,
  around: Surroundings,
  at: BindOptions,
  receive: (bytes: Uint8Array, from: Address) => void,
): Promise<DatagramSocket> {
  const family = at.family ?? (at.host?.includes(':') ? 6 : 4)
  const any = family === 6 ? '::' : '0.0.0.0'
  const has = host.interfaces.list.some(
    ({ isLoopback, addresses }) => !isLoopback && addresses.some((address) => address.family === family),
  )
  if (at.host === undefined && !has)
    throw new RarestError('EAFNOSUPPORT', `the host has no address of IPv${family}`)
  if (at.multicast?.interface !== undefined) multicastInterface(host, at.multicast.interface, family)
  const groups = new Set<string>()
  const bound = host.bind(
    {
      kind: 'udp',
      host: at.host ?? any,
      receive,
      contacts: new Set(),
      groups,
      ...(at.reuse !== undefined && { reuse: at.reuse }),
      ...(at.multicast && { multicast: at.multicast }),
    },
    at.port,
  )
  if (!bound) throw new RarestError('EADDRINUSE', `UDP port ${at.port} is taken`)
  let open = true
  return {
    address: { host: bound.host ?? any, port: bound.port },
    send(bytes, to) {
      const fits = bytes.length <= LARGEST && to.port > 0 && to.port < 65_536
      if (!open || !fits || (family === 6) !== to.host.includes(':')) return
      if (isMulticast(to.host)) sendToGroup(host, around, bound, bytes, to)
      else send(host, around, bound, bytes, to)
    },
    async join(group, by) {
      if (!open) throw new RarestError('EBADF', 'the socket is closed')
      if (!isMulticast(group) || group.includes(':') !== (family === 6))
        throw new RarestError('EINVAL', `${group} is no multicast group of IPv${family}`)
      groups.add(`${group} ${multicastInterface(host, by, family)}`)
    },
    async leave(group, by) {
      groups.delete(`${group} ${host.interfaces.forMulticast(by, family)?.name ?? by}`)
    },
    async close() {
      open = false
      host.release(bound)
    },
  }
}

/** The name of an interface that is there. Throws `ENODEV`. */
function multicastInterface(host: VirtualHost, name: string | undefined, family: 4 | 6): string {
  const found = host.interfaces.forMulticast(name, family)
  if (!found) throw new RarestError('ENODEV', `no interface ${name ?? ''} with an address of IPv${family}`)
  return found.name
}

function isMulticast(ip: string): boolean {
  if (ip.includes(':')) return ip.startsWith('ff')
  const first = Number.parseInt(ip, 10)
  return first >= 224 && first < 240
}

/** To every socket that joined the group, on the hosts of one local network. */
function sendToGroup(
  host: VirtualHost,
  around: Surroundings,
  from: Bound,
  bytes: Uint8Array,
  to: Address,
): void {
  const { interface: by, ttl = 1, loopback = true } = from.multicast ?? {}
  const out = host.interfaces.forMulticast(by, to.host.includes(':') ? 6 : 4)
  const left = host.line.sendDatagram(bytes.length + HEADERS, LINE_QUEUE)
  if (!out || left === Number.POSITIVE_INFINITY) return
  const source = { host: out.ip, port: from.port }
  from.contacts?.add(addressKey(to))
  for (const remote of around.hosts) {
    const isHere = remote === host
    if (isHere ? !loopback : ttl === 0 || out.lan === undefined || !around.canReach(host, remote)) continue
    const names = isHere ? [out.name] : remote.interfaces.namesOn(out.lan as string)
    for (const bound of remote.listeners(to.host, to.port, names))
      carry(host, around, remote, bytes, { source, left }, () => bound)
  }
}

function send(host: VirtualHost, around: Surroundings, from: Bound, bytes: Uint8Array, to: Address): void {
  const { clock, trace } = around.wire
  const source = {
    host: ipOf(from.host) ?? host.addressTowards(to.host),
    port: from.port,
  }
  const record = (kind: 'datagram' | 'drop'): void =>
    trace?.({ time: clock.now, kind, from: addressKey(source), to: addressKey(to), bytes: bytes.length })
  from.contacts?.add(addressKey(to))
  const left = host.line.sendDatagram(bytes.length + HEADERS, LINE_QUEUE)
  const remote = around.hostAt(to.host) ?? (host.addressTowards(to.host) === to.host ? host : undefined)
  const isCut = !remote || host.lacks(source.host) || remote.lacks(to.host) || !around.canReach(host, remote)
  if (isCut || left === Number.POSITIVE_INFINITY) {
    record('drop')
    return
  }
  const copies = carry(host, around, remote, bytes, { source, left }, () => {
    const bound = remote.boundTo('udp', to)
    const passes = !remote.options.nat || remote === host || bound?.contacts?.has(addressKey(source))
    return passes ? bound : undefined
  })
  record(copies > 0 ? 'datagram' : 'drop')
}

/** Brings a datagram that leaves a line at `left` to whatever is bound when it arrives; how many copies do. */
function carry(
  host: VirtualHost,
  around: Surroundings,
  remote: VirtualHost,
  bytes: Uint8Array,
  { source, left }: { readonly source: Address; readonly left: number },
  receiver: () => Bound | undefined,
): number {
  const { clock, memory } = around.wire
  const fates = around.datagramFates(host, remote, bytes.length)
  for (const late of fates) {
    const copy = memory.take(bytes.length)
    copy.set(bytes)
    const lent = copy.subarray(0, bytes.length)
    const deliver = (): void => {
      const bound = receiver()
      if (bound?.receive) {
        around.wire.digest.bytes(lent)
        bound.receive(lent, source)
      }
      spoil(lent)
      memory.giveBack(copy)
    }
    const arrival = left + around.latencyBetween(host, remote) + late
    clock.at(
      arrival,
      () => {
        const passed = remote.line.receiveDatagram(bytes.length + HEADERS, LINE_QUEUE)
        if (passed < Number.POSITIVE_INFINITY) clock.at(passed, deliver)
      },
      true,
    )
  }
  return fates.length
}

/** The address that a socket is bound to, when it is a single one. */
function ipOf(host: string | undefined): string | undefined {
  if (host === undefined || host === '0.0.0.0' || host === '::') return undefined
  return ipToBytes(host) ? host : undefined
}
