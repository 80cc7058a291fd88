/**
 * rtorrent 0.9.8 without its screen, driven by XML-RPC over SCGI. Peers come from a tracker, or by
 * {@link Rtorrent.connect}.
 */

import { mkdir, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Daemon, freePorts } from './daemon.js'
import { until } from './scene.js'

const ENCRYPTION = {
  plain: 'none',
  prefer: 'allow_incoming,try_outgoing,enable_retry',
  rc4: 'require,require_RC4',
} as const

export class Rtorrent {
  /** `host:port` for peers. */
  readonly address: string
  readonly #port: number
  readonly #daemon: Daemon

  /** `folder` is an empty one for its session, or that of an earlier run, which it takes up again. */
  static async start(
    folder: string,
    options: { readonly encryption?: keyof typeof ENCRYPTION } = {},
  ): Promise<Rtorrent> {
    const [rpcPort, peerPort] = (await freePorts(2)) as [number, number]
    await mkdir(join(folder, 'session'), { recursive: true })
    const config = join(folder, 'rtorrent.rc')
    await writeFile(
      config,
      [
        'system.daemon.set = true',
        `session.path.set = ${join(folder, 'session')}`,
        `network.port_range.set = ${peerPort}-${peerPort}`,
        'network.bind_address.set = 127.0.0.1',
        'network.local_address.set = 127.0.0.1',
        `network.scgi.open_port = 127.0.0.1:${rpcPort}`,
        'dht.mode.set = disable',
        'protocol.pex.set = yes',
        `protocol.encryption.set = ${ENCRYPTION[options.encryption ?? 'prefer']}`,
        'trackers.numwant.set = 50',
        '',
      ].join('\n'),
    )
    const rtorrent = new Rtorrent(rpcPort, peerPort, config)
    await rtorrent.#daemon
      .answers(() => rtorrent.call('system.client_version'))
      .catch(async (error: unknown) => {
        await rtorrent.stop()
        throw error
      })
    return rtorrent
  }

  private constructor(rpcPort: number, peerPort: number, config: string) {
    this.address = `127.0.0.1:${peerPort}`
    this.#port = rpcPort
    this.#daemon = new Daemon('rtorrent', 'rtorrent', ['-n', '-o', `import=${config}`])
  }

  get log(): string {
    return this.#daemon.log
  }

  /** Adds a torrent file and resolves when existing data is checked and the torrent runs. */
  async add(torrent: string, dir: string): Promise<string> {
    const before = await this.#torrents()
    await this.call('load.start', '', torrent, `d.directory.set="${dir}"`)
    let infoHash: string | undefined
    await until('rtorrent has checked', async () => {
      infoHash ??= (await this.#torrents()).find((hash) => !before.includes(hash))
      return infoHash !== undefined && (await this.call('d.is_active', infoHash)) === '1'
    })
    return (infoHash as string).toLowerCase()
  }

  /** Adds a magnet link. */
  async addMagnet(magnet: string, dir: string): Promise<string> {
    await this.call('load.start', '', magnet, `d.directory.set="${dir}"`)
    return /btih:([0-9a-f]{40})/i.exec(magnet)?.[1]?.toLowerCase() as string
  }

  /** Dials peers, `host:port` each. */
  async connect(infoHash: string, peers: readonly string[]): Promise<void> {
    for (const peer of peers) await this.call('add_peer', infoHash.toUpperCase(), peer)
  }

  /** Resolves when all of the torrent is there and verified. */
  async finished(infoHash: string, timeout = 40_000): Promise<void> {
    const hash = infoHash.toUpperCase()
    const done = async (): Promise<boolean> =>
      (await this.call('d.is_meta', hash)) === '0' && (await this.call('d.complete', hash)) === '1'
    // While a magnet turns into a torrent, rtorrent knows neither for a moment.
    await until(`rtorrent has ${infoHash}`, () => done().catch(() => false), timeout)
  }

  /** Verified bytes. */
  async have(infoHash: string): Promise<number> {
    return Number(await this.call('d.completed_bytes', infoHash.toUpperCase()))
  }

  /** One XML-RPC call with text arguments; gives the text of its answer. */
  async call(method: string, ...params: readonly string[]): Promise<string> {
    const values = params.map((value) => `<param><value><string>${xmlText(value)}</string></value></param>`)
    const body = `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${values.join('')}</params></methodCall>`
    const answer = await this.#scgi(body)
    if (answer.includes('<fault>')) throw new Error(`rtorrent: ${method}: ${answer}`)
    return /<value>(?:<\w+>)?([^<]*)/.exec(answer)?.[1] ?? ''
  }

  /** `polite`: writes its session, tells the trackers, ends. */
  async stop(polite = false): Promise<void> {
    await this.#daemon.stop(polite ? 'SIGINT' : 'SIGKILL')
  }

  async #torrents(): Promise<string[]> {
    const body =
      '<?xml version="1.0"?><methodCall><methodName>download_list</methodName><params/></methodCall>'
    return (await this.#scgi(body)).match(/[0-9A-F]{40}/g) ?? []
  }

  #scgi(body: string): Promise<string> {
    const headers = `CONTENT_LENGTH\0${Buffer.byteLength(body)}\0SCGI\x001\0`
    return new Promise((resolve, reject) => {
      const socket = connect(this.#port, '127.0.0.1', () =>
        socket.write(`${headers.length}:${headers},${body}`),
      )
      const parts: Buffer[] = []
      socket.setTimeout(10_000, () => socket.destroy(new Error('rtorrent does not answer')))
      socket.on('data', (part) => parts.push(part))
      socket.on('error', reject)
      socket.on('end', () => resolve(Buffer.concat(parts).toString()))
    })
  }
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
