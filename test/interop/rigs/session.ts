/** A session of ours in a process of its own, `session.mjs`: where it runs may be another network. */

import { fileURLToPath } from 'node:url'
import type { PeerSnapshot, SessionOptions, TorrentStats } from '../../../src/index.js'
import { JsonChild } from './child.mjs'
import { type Place, spawnIn } from './namespaces.js'

const PROGRAM = fileURLToPath(new URL('session.mjs', import.meta.url))

export class OurSession {
  readonly child: JsonChild
  readonly port: number

  static async start(
    options: {
      readonly session: SessionOptions
      readonly torrent: string
      readonly dir: string
      readonly select?: readonly number[]
      readonly peers?: readonly string[]
    },
    place: Place = {},
  ): Promise<OurSession> {
    const child = new JsonChild(
      'our session',
      ...spawnIn(place, process.execPath, [PROGRAM, JSON.stringify(options)]),
    )
    try {
      const { port } = await child.event('ready')
      await child.event('added')
      return new OurSession(child, port)
    } catch (error) {
      await child.stop()
      throw error
    }
  }

  private constructor(child: JsonChild, port: number) {
    this.child = child
    this.port = port
  }

  get log(): string {
    return this.child.log
  }

  async connect(peers: readonly string[]): Promise<void> {
    await this.child.request({ cmd: 'connect', peers })
  }

  async status(): Promise<{ readonly peers: readonly PeerSnapshot[]; readonly stats: TorrentStats }> {
    const { peers, stats } = await this.child.request({ cmd: 'status' })
    return { peers, stats }
  }

  async stop(): Promise<void> {
    await this.child.stop()
  }
}
