/**
 * `rarest handshake`: asks one peer for its name.
 * @module
 */

import { Command } from 'commander'
import { parseMetainfo, swarmHash } from '../../entry/metainfo.js'
import { type EncryptionPolicy, type InfoHash, probePeer } from '../../index.js'
import { address, encryption } from '../arguments.js'
import { interruption } from '../interrupt.js'
import { printJson, printLine } from '../output.js'
import { naming, readInput } from '../source.js'

interface HandshakeOptions {
  readonly encryption?: EncryptionPolicy
  readonly json?: boolean
}

export function handshakeCommand(): Command {
  return new Command('handshake')
    .description('shake hands with a peer and show what it says of itself')
    .argument('<torrent|infohash>', '.torrent file, or its infohash: 40 hex digits, or 64 of v2')
    .argument('<host:port>', 'the peer', address)
    .addOption(encryption())
    .option('--json', 'print a JSON object')
    .action(handshake)
}

async function handshake(torrent: string, peer: string, options: HandshakeOptions): Promise<void> {
  const interrupt = interruption('stopped before the peer answered')
  try {
    const { signal } = interrupt
    const policy = options.encryption ?? 'enabled'
    const said = await probePeer(peer, await infoHashOf(torrent), { signal, encryption: policy })
    const { extension } = said
    const described = {
      peer,
      infoHash: said.infoHash,
      peerId: hex(said.peerId),
      client: said.client ?? null,
      reserved: hex(said.reserved),
      extended: said.supports.extended,
      fast: said.supports.fast,
      dht: said.supports.dht,
      v2: said.supports.v2upgrade,
      encryption: said.encryption ?? null,
      extension: extension
        ? {
            extensions: Object.fromEntries(extension.extensions),
            client: extension.client ?? null,
            port: extension.port ?? null,
            reqq: extension.reqq ?? null,
            metadataSize: extension.metadataSize ?? null,
            uploadOnly: extension.uploadOnly ?? null,
            yourIp: extension.yourIp ? hex(extension.yourIp) : null,
          }
        : null,
    }
    if (options.json) {
      printJson(described)
      return
    }
    const bits = (['extended', 'fast', 'dht', 'v2'] as const).filter((name) => described[name])
    const rows: [string, string | number | null][] = [
      ['client', described.client],
      ['peer id', `${described.peerId} (${printableId(said.peerId)})`],
      ['infohash', described.infoHash],
      ['reserved', `${described.reserved} (${bits.join(', ') || 'nothing known'})`],
      ['encryption', described.encryption ?? 'none'],
      ...Object.entries(described.extension ?? {}).map(([name, value]): [string, string | null] => [
        name === 'extensions' ? name : `  ${name}`,
        typeof value === 'object' && value !== null
          ? Object.entries(value)
              .map(([key, id]) => `${key}=${id}`)
              .join(' ')
          : value === null
            ? null
            : String(value),
      ]),
    ]
    for (const [name, value] of rows) if (value !== null) printLine(`${name.padEnd(14)} ${value}`)
  } finally {
    interrupt.release()
  }
}

/** That of a torrent file, or hex digits. */
async function infoHashOf(torrent: string): Promise<InfoHash> {
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(torrent)) return torrent
  const input = await readInput(torrent)
  return swarmHash(naming(torrent, () => parseMetainfo(input, { pieceLayers: 'lenient' })))
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}

function printableId(id: Uint8Array): string {
  return Buffer.from(id)
    .toString('latin1')
    .replaceAll(/[^ -~]/g, '.')
}
