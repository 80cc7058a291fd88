/**
 * `rarest piece`: fetches and verifies one piece.
 * @module
 */

import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { collectAddresses, encryption, natural } from '../arguments.js'
import { addDhtOptions } from '../dht-options.js'
import { type MemorySessionOptions, withTorrentInMemory } from '../memory-session.js'
import { bytes, printJson, printLine } from '../output.js'

interface PieceOptions extends MemorySessionOptions {
  readonly output: string
  readonly json?: boolean
}

export function pieceCommand(): Command {
  const command = new Command('piece')
    .description('fetch one piece, verify it and save it')
    .argument('<torrent>', '.torrent file, http(s) URL of one, or magnet link')
    .argument('<index>', 'number of the piece, from 0', natural)
    .requiredOption('-o, --output <file>', 'where to write it')
    .option('--peer <host:port>', 'peer to connect to, repeatable', collectAddresses)
    .addOption(encryption())
    .option('--json', 'print a JSON object')
    .action(piece)
  return addDhtOptions(command)
}

async function piece(source: string, index: number, options: PieceOptions): Promise<void> {
  await withTorrentInMemory(
    source,
    options,
    'stopped before the piece was there',
    async (torrent, interrupt) => {
      const data = await interrupt.unless(torrent.readPiece(index, { signal: interrupt.signal }))
      await writeFile(options.output, data)
      if (options.json) printJson({ path: options.output, piece: index, length: data.length })
      else printLine(`${options.output}: piece ${index}, ${bytes(data.length)}, verified`)
    },
  )
}
