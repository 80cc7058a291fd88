/** WebTorrent 2.8 in a process of its own, through the driver of the benchmarks. */

import { fileURLToPath } from 'node:url'
import { JsonChild } from './child.mjs'

const DRIVER = fileURLToPath(new URL('../../../bench/swarm/webtorrent-client.mjs', import.meta.url))

export class WebTorrent {
  readonly child: JsonChild
  /** `host:port` that it listens on. */
  readonly address: string

  static async start(): Promise<WebTorrent> {
    const child = new JsonChild('webtorrent', process.execPath, [DRIVER, '{}'])
    try {
      const { port } = await child.event('ready')
      return new WebTorrent(child, `127.0.0.1:${port}`)
    } catch (error) {
      await child.stop()
      throw error
    }
  }

  private constructor(child: JsonChild, address: string) {
    this.child = child
    this.address = address
  }

  get log(): string {
    return this.child.log
  }

  /** Adds a torrent file and resolves when existing data is checked. */
  async add(torrent: string, dir: string): Promise<string> {
    const { infoHash } = await this.child.request({ cmd: 'add', torrent, dir })
    await this.child.event('checked', { match: (event) => event.infoHash === infoHash })
    return infoHash
  }

  /** Adds a magnet link; its data is checked when peers gave the metadata. */
  async addMagnet(magnet: string, dir: string): Promise<string> {
    const { infoHash } = await this.child.request({ cmd: 'add', magnet, dir })
    return infoHash
  }

  async connect(infoHash: string, peers: readonly string[]): Promise<void> {
    await this.child.request({ cmd: 'connect', infoHash, peers })
  }

  /** Resolves when all of the torrent is there and verified. */
  async finished(infoHash: string, timeout = 30_000): Promise<void> {
    await this.child.event('finished', { timeout, match: (event) => event.infoHash === infoHash })
  }

  async stop(): Promise<void> {
    await this.child.stop()
  }
}
