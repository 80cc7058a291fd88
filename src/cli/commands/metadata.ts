/**
 * `rarest metadata`: makes a .torrent file of a magnet link.
 * @module
 */

import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import type { Metainfo } from '../../index.js'
import { collectAddresses, encryption } from '../arguments.js'
import { addDhtOptions } from '../dht-options.js'
import { type MemorySessionOptions, withTorrentInMemory } from '../memory-session.js'
import { bytes, printJson, printLine } from '../output.js'

interface MetadataOptions extends MemorySessionOptions {
  readonly output?: string
  readonly json?: boolean
}

export function metadataCommand(): Command {
  const command = new Command('metadata')
    .description('fetch what a magnet link names from peers, and save it as a .torrent file')
    .argument('<magnet>', 'magnet link')
    .option('-o, --output <file>', 'where to write it (default: <name>.torrent)')
    .option('--peer <host:port>', 'peer to ask, repeatable', collectAddresses)
    .addOption(encryption())
    .option('--json', 'print a JSON object')
    .action(metadata)
  return addDhtOptions(command)
}

async function metadata(magnet: string, options: MetadataOptions): Promise<void> {
  await withTorrentInMemory(
    magnet,
    options,
    'stopped before the metadata was there',
    async (torrent, interrupt) => {
      const metainfo = await interrupt.unless(torrent.metadata)
      const path = options.output ?? `${metainfo.name}.torrent`
      await writeFile(path, metainfo.bytes)
      const { size, infoHash, name } = { ...torrent.stats, infoHash: torrent.infoHash, name: metainfo.name }
      if (options.json) printJson({ path, name, infoHash, infoHashV2: torrent.infoHashV2 ?? null, size })
      else printLine(`${path}: ${name}, ${bytes(size)}, ${infoHash}`)
      if (lacksLayers(metainfo)) {
        process.stderr.write(
          'rarest: warning: the hashes of pieces are no part of what a v2 magnet names: rarest gets them from peers with the data, other programs may refuse the file (cli/no-piece-layers)\n',
        )
      }
    },
  )
}

/** True when a strict reader refuses the file (BEP 52). */
function lacksLayers({ files, pieceLength, pieceLayers }: Metainfo): boolean {
  const needed = files.filter(({ piecesRoot, length }) => piecesRoot !== undefined && length > pieceLength)
  return needed.length > 0 && pieceLayers.size === 0
}
