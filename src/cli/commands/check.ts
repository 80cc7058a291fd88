/**
 * `rarest check`: which pieces of a torrent are on disk and right.
 * @module
 */

import { Command } from 'commander'
import { interruption } from '../interrupt.js'
import { openSession } from '../open-session.js'
import { Failure, printJson, printLine } from '../output.js'
import { addTorrent } from '../source.js'

export function checkCommand(): Command {
  return new Command('check')
    .description('verify the data of a torrent; changes nothing')
    .argument('<torrent>', '.torrent file, or http(s) URL of one')
    .argument('<dir>', 'folder that holds the data, as in: rarest download -o <dir>')
    .option('--json', 'print a JSON object')
    .action(check)
}

async function check(source: string, path: string, options: { readonly json?: boolean }): Promise<void> {
  const interrupt = interruption('stopped before all data was checked')
  const opened = await openSession({ dht: false }, { path, listen: false })
  try {
    const { signal } = interrupt
    const torrent = await interrupt.unless(addTorrent(opened.session, source, { paused: true, signal }))
    const isShown = process.stderr.isTTY && !options.json
    if (isShown)
      torrent.on('checking', (checked, pieces) => process.stderr.write(`\r${checked} of ${pieces} pieces`))
    try {
      await interrupt.unless(torrent.ready)
    } finally {
      if (isShown) process.stderr.write('\r\u001b[K')
    }
    const { pieces, verifiedPieces: valid } = torrent.stats
    const missing = pieces - valid
    const complete = missing === 0
    if (options.json) printJson({ pieces, valid, missing, complete })
    else printLine(`${valid} of ${pieces} pieces are there and right`)
    if (!complete)
      throw new Failure('cli/incomplete', `${missing} of ${pieces} pieces are missing or wrong in ${path}`)
  } finally {
    await opened.close().finally(() => interrupt.release())
  }
}
