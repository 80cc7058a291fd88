/**
 * transmission-daemon 3.00 with a configuration of its own, driven by its RPC. It takes no peer in 127.0.0.0/8
 * and has no call to add one: the other side dials it, or it lives in a network namespace and a tracker names
 * the other side.
 */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { CabledNamespace } from './cable.js'
import { Daemon, freePorts } from './daemon.js'
import { spawnIn } from './namespaces.js'
import { until } from './scene.js'

/** Fields of torrent-get that the tests read. */
export interface TransmissionTorrent {
  readonly id: number
  readonly hashString: string
  /** 0 stopped, 1 and 2 checking, 3 and 4 downloading, 5 and 6 seeding. */
  readonly status: number
  readonly percentDone: number
  readonly metadataPercentComplete: number
  readonly leftUntilDone: number
  readonly haveValid: number
  readonly downloadedEver: number
  readonly corruptEver: number
  readonly errorString: string
  readonly peersConnected: number
}

const FIELDS = [
  'id',
  'hashString',
  'status',
  'percentDone',
  'metadataPercentComplete',
  'leftUntilDone',
  'haveValid',
  'downloadedEver',
  'corruptEver',
  'errorString',
  'peersConnected',
]

export class Transmission {
  /** `host:port` for peers. */
  readonly address: string
  readonly #daemon: Daemon
  readonly #rpc: string
  #session = ''

  /** `config` is an empty folder for its settings. `encryption`: 0 plain, 1 prefer, 2 require. TCP is always on: `utp` adds to it. */
  static async start(
    config: string,
    options: {
      readonly encryption?: 0 | 1 | 2
      readonly utp?: boolean
      readonly namespace?: CabledNamespace
    } = {},
  ): Promise<Transmission> {
    const [rpcPort, peerPort] = await freePorts(2)
    const { namespace } = options
    const host = namespace?.theirs ?? '127.0.0.1'
    await mkdir(config, { recursive: true })
    const settings = {
      'bind-address-ipv4': host,
      'bind-address-ipv6': '::1',
      'dht-enabled': false,
      encryption: options.encryption ?? 0,
      'lpd-enabled': false,
      'peer-port': peerPort,
      'pex-enabled': false,
      'port-forwarding-enabled': false,
      preallocation: 0,
      'rename-partial-files': false,
      'rpc-authentication-required': false,
      'rpc-bind-address': host,
      'rpc-enabled': true,
      'rpc-port': rpcPort,
      'rpc-whitelist': namespace?.ours ?? '127.0.0.1',
      'trash-original-torrent-files': false,
      'utp-enabled': options.utp === true,
    }
    await writeFile(join(config, 'settings.json'), JSON.stringify(settings))
    const transmission = new Transmission(config, rpcPort as number, `${host}:${peerPort}`, namespace)
    try {
      await transmission.#daemon.answers(() => transmission.call('session-get'))
      return transmission
    } catch (error) {
      await transmission.stop()
      throw error
    }
  }

  private constructor(
    config: string,
    rpcPort: number,
    address: string,
    namespace: CabledNamespace | undefined,
  ) {
    this.address = address
    this.#rpc = `http://${address.slice(0, address.indexOf(':'))}:${rpcPort}/transmission/rpc`
    const [command, args, options] = spawnIn(namespace ?? {}, 'transmission-daemon', ['-f', '-g', config])
    this.#daemon = new Daemon('transmission', command, args, options)
  }

  get log(): string {
    return this.#daemon.log
  }

  /** Adds a torrent file and resolves when existing data is checked and the torrent runs. */
  async add(torrent: string, dir: string): Promise<string> {
    const metainfo = (await readFile(torrent)).toString('base64')
    const { 'torrent-added': added } = await this.call('torrent-add', { metainfo, 'download-dir': dir })
    const { hashString } = added as { hashString: string }
    // Until then it refuses connections for this torrent.
    await until(`Transmission starts ${hashString}`, async () => (await this.status(hashString)).status > 2)
    return hashString
  }

  /** Adds a magnet link. */
  async addMagnet(magnet: string, dir: string): Promise<string> {
    const answer = await this.call('torrent-add', { filename: magnet, 'download-dir': dir })
    return (answer['torrent-added'] as { hashString: string }).hashString
  }

  /** Resolves when all of the torrent is there and verified. It unchokes and asks at intervals of ten seconds. */
  async finished(infoHash: string, timeout = 40_000): Promise<void> {
    const done = ({ status, leftUntilDone, metadataPercentComplete }: TransmissionTorrent): boolean =>
      status > 2 && leftUntilDone === 0 && metadataPercentComplete === 1
    await until(`Transmission has ${infoHash}`, async () => done(await this.status(infoHash)), timeout)
  }

  /**
   * Resolves when a peer of this torrent is connected. Transmission resets a second connection from an address
   * whose first one is still in its handshake: a caller that dials it for several torrents waits here in between.
   */
  async connected(infoHash: string): Promise<void> {
    await until(
      `Transmission has a peer for ${infoHash}`,
      async () => (await this.status(infoHash)).peersConnected > 0,
    )
  }

  async status(infoHash: string): Promise<TransmissionTorrent> {
    const { torrents } = await this.call('torrent-get', { ids: [infoHash], fields: FIELDS })
    const [torrent] = torrents as TransmissionTorrent[]
    if (torrent === undefined) throw new Error(`transmission does not know ${infoHash}`)
    return torrent
  }

  /** One RPC call; takes up the session id that Transmission asks for. */
  async call(method: string, args: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const response = await fetch(this.#rpc, {
        method: 'POST',
        headers: { 'X-Transmission-Session-Id': this.#session },
        body: JSON.stringify({ method, arguments: args }),
        signal: AbortSignal.timeout(10_000),
      })
      if (response.status === 409) {
        this.#session = response.headers.get('X-Transmission-Session-Id') ?? ''
        await response.arrayBuffer()
        continue
      }
      const answer = (await response.json()) as { result: string; arguments: Record<string, unknown> }
      if (answer.result !== 'success') throw new Error(`transmission: ${method}: ${answer.result}`)
      return answer.arguments
    }
    throw new Error(`transmission: ${method}: no session id`)
  }

  async stop(): Promise<void> {
    // Its polite farewell takes seconds, and nothing here is worth keeping.
    await this.#daemon.stop()
  }
}
