/**
 * `rarest tracker`: a tracker over HTTP and UDP, in memory.
 * @module
 */

import { Command } from 'commander'
import { TrackerServer } from '../../entry/tracker.js'
import { port } from '../arguments.js'
import { interruption } from '../interrupt.js'
import { printJson, printLine } from '../output.js'

interface TrackerOptions {
  readonly port: number
  readonly host?: string
  readonly json?: boolean
}

export function trackerCommand(): Command {
  return new Command('tracker')
    .description('run a tracker (HTTP and UDP on one port) until Ctrl-C')
    .option('--port <n>', 'port to listen on, 0 for a free one', port, 6969)
    .option('--host <addr>', 'address to listen on')
    .option('--json', 'one JSON object a line')
    .action(async (options: TrackerOptions) => {
      const interrupt = interruption('stopped before the tracker listened')
      const server = new TrackerServer({
        port: options.port,
        ...(options.host === undefined ? {} : { host: options.host }),
      })
      try {
        const listening = await server.listen()
        if (options.json) printJson({ event: 'listening', ...listening })
        else for (const url of [listening.httpUrl, listening.udpUrl]) if (url) printLine(`announce to ${url}`)
        await interrupt.asked
      } finally {
        await server.close()
        interrupt.release()
      }
    })
}
