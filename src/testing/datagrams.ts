/**
 * Virtual UDP: lost, doubled, late, or too large, as the network's options say.
 * @module
 */

import type { DatagramSocket } from '../net/world.js'
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
  at: { readonly host?: string; readonly port: number; readonly family?: 4 | 6 },
  receive: (bytes: Uint8Array, from: Address) => void,
): Promise<DatagramSocket> {
  const family = at.family ?? (at.host?.includes(':') ? 6 : 4)
  const any = family === 6 ? '::' : '0.0.0.0'
  const has = host.ip.includes(':') === (family === 6) || host.ip6?.includes(':') === (family === 6)
  if (at.host === undefined && !has)
    throw new RarestError('EAFNOSUPPORT', `the host has no address of IPv${family}`)
  const bound = host.bind({ kind: 'udp', host: at.host ?? any, receive, contacts: new Set() }, at.port)
  if (!bound) throw new RarestError('EADDRINUSE', `UDP port ${at.port} is taken`)
  let open = true
  return {
    address: { host: bound.host ?? any, port: bound.port },
    send(bytes, to) {
      const fits = bytes.length <= LARGEST && to.port > 0 && to.port < 65_536
      if (open && fits && (family === 6) === to.host.includes(':')) send(host, around, bound, bytes, to)
    },
    async close() {
      open = false
      host.release(bound)
    },
  }
}

function send(host: VirtualHost, around: Surroundings, from: Bound, bytes: Uint8Array, to: Address): void {
  const { clock, memory, trace } = around.wire
  const source = {
    host: ipOf(from.host) ?? host.addressTowards(to.host),
    port: from.port,
  }
  const record = (kind: 'datagram' | 'drop'): void =>
    trace?.({ time: clock.now, kind, from: addressKey(source), to: addressKey(to), bytes: bytes.length })
  from.contacts?.add(addressKey(to))
  const left = host.line.sendDatagram(bytes.length + HEADERS, LINE_QUEUE)
  const remote = around.hostAt(to.host) ?? (host.addressTowards(to.host) === to.host ? host : undefined)
  if (!remote || left === Number.POSITIVE_INFINITY || !around.canReach(host, remote)) {
    record('drop')
    return
  }
  const fates = around.datagramFates(host, remote, bytes.length)
  record(fates.length > 0 ? 'datagram' : 'drop')
  for (const late of fates) {
    const copy = memory.take(bytes.length)
    copy.set(bytes)
    const lent = copy.subarray(0, bytes.length)
    const deliver = (): void => {
      const bound = remote.boundTo('udp', to)
      const passes = !remote.options.nat || remote === host || bound?.contacts?.has(addressKey(source))
      if (bound?.receive && passes) {
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
}

/** The address that a socket is bound to, when it is a single one. */
function ipOf(host: string | undefined): string | undefined {
  if (host === undefined || host === '0.0.0.0' || host === '::') return undefined
  return ipToBytes(host) ? host : undefined
}
