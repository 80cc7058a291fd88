#!/usr/bin/env node
/**
 * The `rarest` command. docs/cli.md has its options, events and exit codes.
 * @module
 */

import { Command, CommanderError } from 'commander'
import { VERSION } from '../index.js'
import { checkCommand } from './commands/check.js'
import { createCommand } from './commands/create.js'
import { decodeCommand } from './commands/decode.js'
import { dhtCommand } from './commands/dht.js'
import { downloadCommand } from './commands/download.js'
import { handshakeCommand } from './commands/handshake.js'
import { infoCommand } from './commands/info.js'
import { magnetCommand } from './commands/magnet.js'
import { metadataCommand } from './commands/metadata.js'
import { peersCommand } from './commands/peers.js'
import { pieceCommand } from './commands/piece.js'
import { seedCommand } from './commands/seed.js'
import { trackerCommand } from './commands/tracker.js'
import { exitCodeOf, guardOutput, report } from './output.js'

const program = new Command('rarest')
  .description('BitTorrent on the command line')
  .version(VERSION)
  // For `create --version` to be an option of its own.
  .enablePositionalOptions()
  .exitOverride()
  .configureOutput({
    outputError: (text, write) =>
      write(
        `rarest: ${text
          .replace(/^error: /, '')
          .trim()
          .replaceAll(/\s*\n\s*/g, ' ')} (cli/usage)\n`,
      ),
  })

const commands = [
  downloadCommand(),
  seedCommand(),
  createCommand(),
  infoCommand(),
  magnetCommand(),
  checkCommand(),
  decodeCommand(),
  metadataCommand(),
  handshakeCommand(),
  pieceCommand(),
  peersCommand(),
  trackerCommand(),
  dhtCommand(),
]
for (const command of commands) {
  program.addCommand(command.copyInheritedSettings(program))
  for (const below of command.commands) below.copyInheritedSettings(command)
}

guardOutput()
try {
  await program.parseAsync()
} catch (error) {
  // Commander has printed its own sentence.
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else {
    process.exitCode = exitCodeOf(error)
    report(error)
  }
}
