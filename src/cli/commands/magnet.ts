/**
 * `rarest magnet`: what a magnet link says, or the magnet link of a .torrent file.
 * @module
 */

import { Command } from 'commander'
import { isMagnet, type Magnet, magnetOf, parseMagnet, parseMetainfo } from '../../entry/metainfo.js'
import { hex, printJson, printLine } from '../output.js'
import { naming, readInput } from '../source.js'

export function magnetCommand(): Command {
  return new Command('magnet')
    .description('show what a magnet link says, or print that of a .torrent file')
    .argument('<source>', 'magnet link, .torrent file, or - for a .torrent file on standard input')
    .option('--json', 'print a JSON object')
    .action(magnet)
}

async function magnet(source: string, options: { readonly json?: boolean }): Promise<void> {
  if (isMagnet(source)) {
    const fields = described(parseMagnet(source))
    if (options.json) printJson(fields)
    else for (const [name, value] of Object.entries(fields)) printField(name, value)
    return
  }
  const input = await readInput(source)
  const link = naming(source, () => magnetOf(parseMetainfo(input, { pieceLayers: 'lenient' })))
  if (options.json) printJson({ ...described(parseMagnet(link)), magnet: link })
  else printLine(link)
}

function described(link: Magnet): Record<string, string | number | null | readonly (string | number)[]> {
  return {
    infoHash: hex(link.infoHash),
    infoHashV2: hex(link.infoHashV2),
    name: link.name ?? null,
    trackers: link.trackers,
    webSeeds: link.webSeeds,
    peers: link.peers.map(({ host, port }) => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)),
    select: link.select,
    length: link.length ?? null,
  }
}

function printField(name: string, value: string | number | null | readonly (string | number)[]): void {
  const values = Array.isArray(value) ? value : [value]
  for (const item of values) if (item !== null) printLine(`${name.padEnd(12)} ${item}`)
}
