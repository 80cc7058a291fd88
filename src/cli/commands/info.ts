/**
 * `rarest info`: what a .torrent file says.
 * @module
 */

import { Command } from 'commander'
import { magnetOf, parseMetainfo } from '../../entry/metainfo.js'
import { bytes, hex, printJson, printLine } from '../output.js'
import { naming, readInput } from '../source.js'

export function infoCommand(): Command {
  return new Command('info')
    .description('show what a .torrent file says')
    .argument('<torrent>', '.torrent file, or - for standard input')
    .option('--json', 'print a JSON object')
    .action(info)
}

async function info(path: string, options: { readonly json?: boolean }): Promise<void> {
  const input = await readInput(path)
  const metainfo = naming(path, () => parseMetainfo(input, { pieceLayers: 'lenient' }))
  const files = metainfo.files.filter((file) => !file.pad)
  const described = {
    name: metainfo.name,
    infoHash: hex(metainfo.infoHash),
    infoHashV2: hex(metainfo.infoHashV2),
    version: metainfo.version,
    pieceLength: metainfo.pieceLength,
    pieceCount: metainfo.pieceCount,
    size: metainfo.size,
    private: metainfo.private,
    files: files.map((file) => ({ path: file.path.join('/'), length: file.length })),
    trackers: metainfo.trackers,
    webSeeds: metainfo.webSeeds,
    comment: metainfo.comment ?? null,
    createdBy: metainfo.createdBy ?? null,
    creationDate: metainfo.creationDate ?? null,
    magnet: magnetOf(metainfo),
  }
  if (options.json) {
    printJson(described)
    return
  }
  const rows: [string, string | null][] = [
    ['name', described.name],
    ['infohash', described.infoHash],
    ['infohash v2', described.infoHashV2],
    ['version', described.version],
    ['size', `${bytes(metainfo.size)} (${metainfo.size} bytes)`],
    ['pieces', `${metainfo.pieceCount} of ${bytes(metainfo.pieceLength)}`],
    ['private', metainfo.private ? 'yes' : 'no'],
    ['comment', described.comment],
    ['created by', described.createdBy],
    ['created', metainfo.creationDate === undefined ? null : dateText(metainfo.creationDate)],
    ['magnet', described.magnet],
  ]
  for (const [name, value] of rows) if (value !== null) printLine(`${name.padEnd(12)} ${value}`)
  metainfo.trackers.forEach((tier, index) => {
    for (const url of tier) printLine(`${`tracker ${index}`.padEnd(12)} ${url}`)
  })
  for (const url of metainfo.webSeeds) printLine(`${'web seed'.padEnd(12)} ${url}`)
  files.forEach((file, index) => {
    printLine(`${`file ${index}`.padEnd(12)} ${file.path.join('/')} (${bytes(file.length)})`)
  })
}

function dateText(seconds: number): string {
  const date = new Date(seconds * 1000)
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString()
}
