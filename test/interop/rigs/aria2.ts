/**
 * aria2 1.36, driven by its JSON-RPC. It cannot be told of peers: a tracker has to name them. It dials and takes
 * peers in 127.0.0.0/8.
 */

import { readFile } from 'node:fs/promises'
import { Daemon, freePorts } from './daemon.js'
import { until } from './scene.js'

/** Fields of aria2.tellStatus that the tests read; numbers are text. */
interface Status {
  readonly infoHash?: string
  readonly status: 'active' | 'waiting' | 'paused' | 'error' | 'complete' | 'removed'
  readonly seeder?: 'true' | 'false'
  readonly totalLength: string
  readonly completedLength: string
  readonly errorMessage?: string
  readonly followedBy?: readonly string[]
  readonly verifiedLength?: string
}

export class Aria2 {
  /** `host:port` for peers. */
  readonly address: string
  readonly #rpc: string
  readonly #daemon: Daemon
  /** By infohash: the handle of the download. */
  readonly #handles = new Map<string, string>()

  /** `encryption`: `plain` refuses encrypted connections, `rc4` all others. */
  static async start(
    options: { readonly encryption?: 'plain' | 'rc4'; readonly arguments?: readonly string[] } = {},
  ): Promise<Aria2> {
    const [rpcPort, peerPort] = (await freePorts(2)) as [number, number]
    const crypto = options.encryption === 'rc4'
    const aria2 = new Aria2(rpcPort, peerPort, [
      '--no-conf',
      '--enable-rpc',
      `--rpc-listen-port=${rpcPort}`,
      `--listen-port=${peerPort}`,
      '--interface=127.0.0.1',
      '--enable-dht=false',
      '--bt-enable-lpd=false',
      '--file-allocation=none',
      '--seed-ratio=0',
      '--check-integrity=true',
      '--bt-tracker-interval=2',
      `--bt-require-crypto=${crypto}`,
      `--bt-min-crypto-level=${crypto ? 'arc4' : 'plain'}`,
      ...(options.arguments ?? []),
    ])
    await aria2.#daemon
      .answers(() => aria2.call('aria2.getVersion'))
      .catch(async (error: unknown) => {
        await aria2.stop()
        throw error
      })
    return aria2
  }

  private constructor(rpcPort: number, peerPort: number, args: readonly string[]) {
    this.address = `127.0.0.1:${peerPort}`
    this.#rpc = `http://127.0.0.1:${rpcPort}/jsonrpc`
    this.#daemon = new Daemon('aria2', 'aria2c', args)
  }

  get log(): string {
    return this.#daemon.log
  }

  /** Adds a torrent file and resolves when existing data is checked and the torrent runs. */
  async add(torrent: string, dir: string): Promise<string> {
    const content = (await readFile(torrent)).toString('base64')
    const gid = (await this.call('aria2.addTorrent', content, [], { dir })) as string
    await until('aria2 has checked', async () => {
      const status = await this.#tell(gid)
      return status.status === 'active' && status.verifiedLength === undefined
    })
    const infoHash = (await this.#tell(gid)).infoHash as string
    this.#handles.set(infoHash, gid)
    return infoHash
  }

  /** Adds a magnet link, which goes on as a download of its own once the metadata is there. */
  async addMagnet(magnet: string, dir: string): Promise<string> {
    const gid = (await this.call('aria2.addUri', [magnet], { dir })) as string
    const infoHash = /btih:([0-9a-f]{40})/i.exec(magnet)?.[1]?.toLowerCase() as string
    this.#handles.set(infoHash, gid)
    return infoHash
  }

  /** Resolves when all of the torrent is there and verified. */
  async finished(infoHash: string, timeout = 40_000): Promise<void> {
    await until(
      `aria2 has ${infoHash}`,
      async () => (await this.#status(infoHash)).seeder === 'true',
      timeout,
    )
  }

  /** Verified bytes. */
  async have(infoHash: string): Promise<number> {
    return Number((await this.#status(infoHash)).completedLength)
  }

  /** One RPC call. */
  async call(method: string, ...params: readonly unknown[]): Promise<unknown> {
    const response = await fetch(this.#rpc, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
      signal: AbortSignal.timeout(10_000),
    })
    const answer = (await response.json()) as { result?: unknown; error?: { message: string } }
    if (answer.error) throw new Error(`aria2: ${method}: ${answer.error.message}`)
    return answer.result
  }

  /** `polite`: saves how far it got, tells the trackers, ends. */
  async stop(polite = false): Promise<void> {
    await this.#daemon.stop(polite ? 'SIGINT' : 'SIGKILL')
  }

  async #tell(gid: string): Promise<Status> {
    return (await this.call('aria2.tellStatus', gid)) as Status
  }

  async #status(infoHash: string): Promise<Status> {
    const status = await this.#tell(this.#handles.get(infoHash) as string)
    const [next] = status.followedBy ?? []
    if (next === undefined) return status
    this.#handles.set(infoHash, next)
    return this.#tell(next)
  }
}
