/**
 * `rarest check`: which pieces of a torrent are on disk and right.
 * @module
 */

import { Command } from 'commander'
import { Session } from '../index.js'
import { Failure, printJson, printLine } from './output.js'

export function checkCommand(): Command {
  return new Command('check')
    .description('verify the data of a torrent; changes nothing')
    .argument('<torrent>', '.torrent file')
    .argument('<dir>', 'folder that holds the data')
    .option('--json', 'print a JSON object')
    .action(check)
}

async function check(source: string, path: string, options: { readonly json?: boolean }): Promise<void> {
  const session = new Session({ path, listen: false })
  try {
    const torrent = await session.add(source, { paused: true })
    const bar = process.stderr.isTTY && !options.json
    if (bar)
      torrent.on('checking', (checked, pieces) => process.stderr.write(`\r${checked} of ${pieces} pieces`))
    await torrent.ready
    if (bar) process.stderr.write('\r\u001b[K')
    const { pieces, verifiedPieces: valid } = torrent.stats
    const complete = valid === pieces
    if (options.json) printJson({ pieces, valid, missing: pieces - valid, complete })
    else
      printLine(
        complete ? `complete: all ${pieces} pieces are right` : `${valid} of ${pieces} pieces are right`,
      )
    if (!complete)
      throw new Failure('cli/incomplete', `${pieces - valid} of ${pieces} pieces are missing or wrong`)
  } finally {
    await session.close()
  }
}
