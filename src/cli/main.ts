#!/usr/bin/env node
/**
 * The `rarest` command.
 * @module
 */

import { Command } from 'commander'
import { VERSION } from '../index.js'
import { checkCommand } from './check.js'
import { createCommand } from './create.js'
import { decodeCommand } from './decode.js'
import { downloadCommand } from './download.js'
import { infoCommand } from './info.js'
import { Failure, report } from './output.js'
import { seedCommand } from './seed.js'
import { trackerCommand } from './tracker.js'

const program = new Command('rarest')
  .description('BitTorrent on the command line')
  .version(VERSION)
  .showHelpAfterError('(rarest --help lists the commands, rarest <command> --help their options)')
  .addCommand(downloadCommand())
  .addCommand(seedCommand())
  .addCommand(createCommand())
  .addCommand(infoCommand())
  .addCommand(checkCommand())
  .addCommand(decodeCommand())
  .addCommand(trackerCommand())

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = error instanceof Failure ? error.exitCode : 1
  report(error)
}
