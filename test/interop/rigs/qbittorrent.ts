/** qBittorrent 4.5 without its window, driven by its web API. */

import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Daemon, freePorts } from './daemon.js'
import { until } from './scene.js'

/** Fields of torrents/info that the tests read. */
interface Info {
  readonly hash: string
  readonly state: string
  readonly progress: number
  readonly completed: number
  readonly amount_left: number
}

/** What `encryption` is called in its settings. */
const ENCRYPTION = { prefer: 0, rc4: 1, plain: 2 } as const
/** What the transports are called in its settings. */
const TRANSPORT = { both: 0, tcp: 1, utp: 2 } as const

export class QBittorrent {
  /** `host:port` for peers. */
  readonly address: string
  readonly #api: string
  readonly #daemon: Daemon

  /** `folder` is an empty one for its profile, or that of an earlier run, which it takes up again. */
  static async start(
    folder: string,
    options: {
      readonly encryption?: keyof typeof ENCRYPTION
      readonly transport?: keyof typeof TRANSPORT
    } = {},
  ): Promise<QBittorrent> {
    const [apiPort, peerPort] = (await freePorts(2)) as [number, number]
    const config = join(folder, 'qBittorrent', 'config')
    await mkdir(config, { recursive: true })
    await writeFile(
      join(config, 'qBittorrent.conf'),
      [
        '[LegalNotice]',
        'Accepted=true',
        '[Preferences]',
        'WebUI\\LocalHostAuth=false',
        'WebUI\\Address=127.0.0.1',
        '[BitTorrent]',
        'Session\\DHTEnabled=false',
        'Session\\LSDEnabled=false',
        'Session\\QueueingSystemEnabled=false',
        'Session\\InterfaceAddress=127.0.0.1',
        'Session\\MultiConnectionsPerIp=true',
        `Session\\Port=${peerPort}`,
        `Session\\Encryption=${ENCRYPTION[options.encryption ?? 'prefer']}`,
        `Session\\BTProtocol=${{ both: 'Both', tcp: 'TCP', utp: 'UTP' }[options.transport ?? 'tcp']}`,
        '',
      ].join('\n'),
    )
    const qbittorrent = new QBittorrent(folder, apiPort, peerPort)
    await qbittorrent.#daemon
      .answers(() =>
        qbittorrent.#call('app/setPreferences', {
          json: JSON.stringify({
            upnp: false,
            encryption: ENCRYPTION[options.encryption ?? 'prefer'],
            bittorrent_protocol: TRANSPORT[options.transport ?? 'tcp'],
            enable_multi_connections_from_same_ip: true,
          }),
        }),
      )
      .catch(async (error: unknown) => {
        await qbittorrent.stop()
        throw error
      })
    return qbittorrent
  }

  private constructor(folder: string, apiPort: number, peerPort: number) {
    this.address = `127.0.0.1:${peerPort}`
    this.#api = `http://127.0.0.1:${apiPort}/api/v2/`
    this.#daemon = new Daemon('qbittorrent-nox', 'qbittorrent-nox', [
      `--profile=${folder}`,
      `--webui-port=${apiPort}`,
    ])
  }

  get log(): string {
    return this.#daemon.log
  }

  /** Adds a torrent file and resolves when existing data is checked and the torrent runs. */
  async add(torrent: string, dir: string): Promise<string> {
    const before = (await this.#torrents()).map(({ hash }) => hash)
    const form = new FormData()
    form.set('torrents', new Blob([await readFile(torrent)]), 'x.torrent')
    form.set('savepath', dir)
    form.set('contentLayout', 'Original')
    await this.#post('torrents/add', form)
    let added: Info | undefined
    await until('qBittorrent has checked', async () => {
      added = (await this.#torrents()).find(({ hash }) => !before.includes(hash))
      return added !== undefined && !/^checking|allocating|moving/.test(added.state)
    })
    return (added as Info).hash
  }

  /** Adds a magnet link. */
  async addMagnet(magnet: string, dir: string): Promise<string> {
    const form = new FormData()
    form.set('urls', magnet)
    form.set('savepath', dir)
    await this.#post('torrents/add', form)
    return /btih:([0-9a-f]{40})/i.exec(magnet)?.[1]?.toLowerCase() as string
  }

  /** Dials peers, `host:port` each. */
  async connect(infoHash: string, peers: readonly string[]): Promise<void> {
    await this.#call('torrents/addPeers', { hashes: infoHash, peers: peers.join('|') })
  }

  /** Resolves when all of the torrent is there and verified. */
  async finished(infoHash: string, timeout = 40_000): Promise<void> {
    const done = async (): Promise<boolean> => {
      const info = await this.#info(infoHash)
      return info !== undefined && info.progress === 1 && !/^checking|^meta/.test(info.state)
    }
    await until(`qBittorrent has ${infoHash}`, done, timeout)
  }

  /** Verified bytes. */
  async have(infoHash: string): Promise<number> {
    return (await this.#info(infoHash))?.completed ?? 0
  }

  /** `polite`: writes what it knows, ends. */
  async stop(polite = false): Promise<void> {
    await this.#daemon.stop(polite ? 'SIGTERM' : 'SIGKILL')
  }

  async #info(infoHash: string): Promise<Info | undefined> {
    return (await this.#torrents()).find(({ hash }) => hash === infoHash)
  }

  async #torrents(): Promise<Info[]> {
    return JSON.parse(await this.#call('torrents/info', {})) as Info[]
  }

  #call(method: string, fields: Readonly<Record<string, string>>): Promise<string> {
    return this.#post(method, new URLSearchParams(fields))
  }

  async #post(method: string, body: FormData | URLSearchParams): Promise<string> {
    const response = await fetch(this.#api + method, {
      method: 'POST',
      body,
      signal: AbortSignal.timeout(10_000),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`qBittorrent: ${method}: ${response.status} ${text}`)
    return text
  }
}
