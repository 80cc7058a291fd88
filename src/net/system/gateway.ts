/**
 * The default gateway: from the routing tables that Linux shows as files; other systems tell only by programs or
 * native calls, so there it is unknown.
 * @module
 */

import { open } from 'node:fs/promises'
import { ipFromBytes } from '../../util/address.js'
import type { Gateway } from '../world.js'

/** Bytes read: 8,000 routes; default routes come first in either table of any machine that is no backbone. */
const MAX_TABLE = 1_048_576

/** `RTF_UP | RTF_GATEWAY`. */
const ROUTED = 0x3

/** The contract is `World.gateway`. Rejects never: a table that cannot be read tells nothing. */
export async function defaultGateway(family: 4 | 6): Promise<Gateway | undefined> {
  if (process.platform !== 'linux') return undefined
  try {
    return family === 4
      ? gatewayOf4(await readTable('/proc/net/route'))
      : gatewayOf6(await readTable('/proc/net/ipv6_route'))
  } catch {
    return undefined
  }
}

/**
 * The gateway with the lowest metric in the text of `/proc/net/route`: interface, destination, gateway, flags,
 * references, uses, metric, mask ...; addresses are numbers of the processor's byte order, in hex.
 */
export function gatewayOf4(table: string): Gateway | undefined {
  return best(
    table.split('\n').flatMap((line) => {
      const [name, to, gateway, flags, , , metric, mask] = line.trim().split(/\s+/)
      const bytes = bytesOf(gateway, 4)
      if (!name || !bytes || to !== '00000000' || mask !== '00000000' || !isRouted(flags)) return []
      return [
        {
          host: ipFromBytes(isLittleEndian() ? bytes.reverse() : bytes),
          interface: name,
          metric: Number(metric),
        },
      ]
    }),
  )
}

/**
 * The same in the text of `/proc/net/ipv6_route`: destination, its bits, source, its bits, next hop, metric,
 * references, uses, flags, interface; numbers in hex.
 */
export function gatewayOf6(table: string): Gateway | undefined {
  return best(
    table.split('\n').flatMap((line) => {
      const [to, bits, , , hop, metric, , , flags, name] = line.trim().split(/\s+/)
      const bytes = bytesOf(hop, 16)
      if (!name || !bytes || bits !== '00' || !/^0{32}$/.test(to ?? '') || !isRouted(flags)) return []
      if (bytes.every((byte) => byte === 0)) return []
      return [{ host: ipFromBytes(bytes), interface: name, metric: Number.parseInt(metric ?? '', 16) }]
    }),
  )
}

async function readTable(path: string): Promise<string> {
  const file = await open(path)
  try {
    const table = Buffer.alloc(MAX_TABLE)
    let length = 0
    // Such files come by the page.
    for (;;) {
      const { bytesRead } = await file.read(table, length, MAX_TABLE - length)
      length += bytesRead
      if (bytesRead === 0 || length === MAX_TABLE) return table.toString('latin1', 0, length)
    }
  } finally {
    await file.close()
  }
}

function best(routes: readonly (Gateway & { readonly metric: number })[]): Gateway | undefined {
  const [first] = [...routes].sort((a, b) => a.metric - b.metric)
  return first && { host: first.host, interface: first.interface }
}

function isRouted(flags: string | undefined): boolean {
  return (Number.parseInt(flags ?? '', 16) & ROUTED) === ROUTED
}

function bytesOf(hex: string | undefined, length: number): Uint8Array | undefined {
  if (hex?.length !== 2 * length || !/^[0-9a-fA-F]+$/.test(hex)) return undefined
  return Uint8Array.from({ length }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}

function isLittleEndian(): boolean {
  return new Uint8Array(Uint16Array.of(1).buffer)[0] === 1
}
