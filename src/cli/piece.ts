/**
 * `rarest piece`: fetches and verifies one piece.
 * @module
 */

import { writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { MemoryStorage } from '../entry/storage.js'
import { type EncryptionPolicy, Session } from '../index.js'
import { collectPeers, encryption, natural } from './arguments.js'
import { addDhtOptions, keepState, type SessionDhtOptions, sessionDht } from './dht-options.js'
import { interruption } from './interrupt.js'
import { bytes, printJson, printLine } from './output.js'
import { addTorrent } from './source.js'

interface PieceOptions extends SessionDhtOptions {
  readonly output: string
  readonly peer?: string[]
  readonly encryption?: EncryptionPolicy
  readonly json?: boolean
}

export function pieceCommand(): Command {
  const command = new Command('piece')
    .description('fetch one piece, verify it and save it')
    .argument('<torrent>', '.torrent file, http(s) URL of one, or magnet link')
    .argument('<index>', 'number of the piece, from 0', natural)
    .requiredOption('-o, --output <file>', 'where to write it')
    .option('--peer <host:port>', 'peer to connect to, repeatable', collectPeers)
    .addOption(encryption())
    .option('--json', 'print a JSON object')
    .action(piece)
  return addDhtOptions(command)
}

async function piece(source: string, index: number, options: PieceOptions): Promise<void> {
  const interrupt = interruption('stopped before the piece was there')
  const session = new Session({
    listen: false,
    storage: () => new MemoryStorage(),
    ...(options.encryption === undefined ? {} : { encryption: options.encryption }),
    ...(await sessionDht(options)),
  })
  try {
    const torrent = await addTorrent(session, source, {
      peers: options.peer ?? [],
      select: [],
      signal: interrupt.signal,
    })
    const data = await interrupt.unless(torrent.readPiece(index, { signal: interrupt.signal }))
    await writeFile(options.output, data)
    if (options.json) printJson({ path: options.output, piece: index, length: data.length })
    else printLine(`${options.output}: piece ${index}, ${bytes(data.length)}, verified`)
  } finally {
    try {
      await keepState(session, options)
    } finally {
      await session.close()
      interrupt.release()
    }
  }
}
