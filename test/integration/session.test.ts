import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { encode } from '../../src/bencode/encode.js'
import { createTorrent, Session, type SessionOptions, type Torrent } from '../../src/index.js'
import { TrackerServer } from '../../src/net/tracker/server.js'
import { MemoryStorage } from '../../src/storage/backend/memory.js'
import { seededRandom } from '../support/random.js'
import { expectNothingLeft, openResources } from '../support/resources.js'

let folder: string
let open: { close(): Promise<void> }[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rarest-session-'))
  open = []
})

afterEach(async () => {
  for (const each of open.reverse()) await each.close()
  await rm(folder, { recursive: true, force: true })
})

function session(options: SessionOptions = {}): Session {
  const made = new Session({ host: '127.0.0.1', ...options })
  open.push(made)
  return made
}

async function sample(name: string, size: number): Promise<{ data: Uint8Array; bytes: Uint8Array }> {
  const data = seededRandom(size).bytes(size)
  await writeFile(join(folder, name), data)
  return { data, bytes: await createTorrent(join(folder, name), { pieceLength: 32_768 }) }
}

async function seeding(bytes: Uint8Array): Promise<{ seeder: Session; torrent: Torrent; peer: string }> {
  const seeder = session({ path: folder })
  const torrent = await seeder.add(bytes)
  await torrent.done
  return { seeder, torrent, peer: `127.0.0.1:${await seeder.ready}` }
}

describe('Session', () => {
  it('takes trackers one by one and in tiers', async () => {
    const { bytes } = await sample('film.bin', 40_000)
    const trackers = ['http://127.0.0.1:9/a', ['http://127.0.0.1:9/b', 'http://127.0.0.1:9/c']]
    const torrent = await session({ path: folder }).add(bytes, { paused: true, trackers })
    const tiers = torrent.trackers.map(({ url, tier }) => `${tier} ${url.at(-1)}`)
    expect(tiers.sort()).toEqual(['0 a', '1 b', '1 c'])
  })

  it('tells where the files are, whatever their torrent calls them', async () => {
    const info = (extra: object) => ({ 'piece length': 16_384, pieces: new Uint8Array(20), ...extra })
    const files = [{ length: 3, path: ['a:b', 'c.txt'] }]
    const several = encode({ info: info({ name: 'two?', files }) })
    const single = encode({ info: info({ name: 'single.bin', length: 3 }) })
    const home = session({ path: folder })
    const torrent = await home.add(several, { paused: true })
    const alone = await home.add(single, { paused: true })
    await Promise.all([torrent.ready, alone.ready])
    const [file] = torrent.files
    expect(file?.path).not.toContain(':')
    expect(torrent.path).toBe(join(folder, torrent.name))
    expect(file?.absolutePath).toBe(join(folder, torrent.name, ...(file?.path.split('/') ?? [])))
    expect([alone.path, alone.files[0]?.absolutePath]).toEqual([folder, join(folder, 'single.bin')])

    const memory = await session({ storage: () => new MemoryStorage() }).add(single, { paused: true })
    await memory.ready
    expect([memory.path, memory.files[0]?.absolutePath]).toEqual([undefined, undefined])

    // What lies there under the name of the torrent is found, and so is its path.
    await mkdir(join(folder, 'copy', 'two?', 'a:b'), { recursive: true })
    await writeFile(join(folder, 'copy', 'two?', 'a:b', 'c.txt'), 'old')
    const found = await session({ path: join(folder, 'copy') }).add(several, { paused: true })
    await found.ready
    expect(found.path).toBe(join(folder, 'copy', 'two?'))
    expect(found.files[0]?.absolutePath).toBe(join(folder, 'copy', 'two?', 'a:b', 'c.txt'))
  })

  it('downloads from a seed and leaves the same bytes on disk', async () => {
    const { data, bytes } = await sample('film.bin', 1_000_001)
    const { peer } = await seeding(bytes)
    const torrent = await session({ path: join(folder, 'copy') }).add(bytes, { peers: [peer] })
    const pieces = new Set<number>()
    torrent.on('piece', (index) => pieces.add(index))
    expect(await torrent.done).toBe('complete')
    expect(pieces.size).toBe(31)
    expect(torrent.stats).toMatchObject({
      state: 'seeding',
      verified: 1_000_001,
      left: 0,
      verifiedPieces: 31,
      wasted: 0,
    })
    expect((await readFile(join(folder, 'copy', 'film.bin'))).equals(data)).toBe(true)
    expect(await torrent.done).toBe('complete')
  })

  it('keeps the metadata of a magnet for the next time', async () => {
    const { bytes } = await sample('magnet.bin', 300_000)
    const { peer, torrent: seed } = await seeding(bytes)
    const metadataCache = join(folder, 'cache', 'metadata')
    const first = session({ path: join(folder, 'copy'), storage: { metadataCache } })
    const torrent = await first.add(`${seed.magnet}&x.pe=${peer}`)
    expect(torrent.state).toBe('metadata')
    expect(await torrent.done).toBe('complete')
    await first.close()
    const second = session({ path: join(folder, 'copy'), storage: { metadataCache }, listen: false })
    const again = await second.add(seed.magnet)
    expect(again.metainfo?.infoBytes).toEqual(seed.metainfo?.infoBytes)
    expect(await again.done).toBe('complete')
  })

  it('finds peers through a tracker', async () => {
    const server = new TrackerServer({ host: '127.0.0.1' })
    open.push(server)
    const { httpUrl, udpUrl } = await server.listen()
    const { bytes } = await sample('tracked.bin', 200_000)
    const seeder = session({ path: folder })
    await (await seeder.add(bytes, { trackers: [httpUrl as string] })).done
    while (server.stats.peers === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    const other = session({ path: join(folder, 'copy') })
    const torrent = await other.add(bytes, { trackers: [udpUrl as string] })
    expect(await torrent.done).toBe('complete')
  })

  it('gives the same handle for the same torrent', async () => {
    const { bytes } = await sample('twice.bin', 50_000)
    const one = session({ path: folder })
    expect(await one.add(bytes)).toBe(await one.add(bytes))
    expect(one.torrents).toHaveLength(1)
  })

  it('keeps what is there after a stop half way', async () => {
    const { data, bytes } = await sample('half.bin', 20_000_000)
    const { peer } = await seeding(bytes)
    const first = session({ path: join(folder, 'copy') })
    const torrent = await first.add(bytes, { peers: [peer], sequential: true })
    await new Promise<void>((resolve) => torrent.on('piece', (index) => index === 20 && resolve()))
    await first.close()
    const second = session({ path: join(folder, 'copy') })
    const again = await second.add(bytes, { paused: true })
    await again.ready
    const kept = again.stats.verifiedPieces
    expect(kept).toBeGreaterThan(20)
    expect(kept).toBeLessThan(again.stats.pieces)
    again.addPeers([peer])
    void again.resume()
    expect(await again.done).toBe('complete')
    expect(again.stats.downloaded).toBe(20_000_000 - kept * 32_768)
    expect((await readFile(join(folder, 'copy', 'half.bin'))).equals(data)).toBe(true)
  })

  it('streams a file while it downloads', async () => {
    const { data, bytes } = await sample('stream.bin', 500_000)
    const { peer } = await seeding(bytes)
    const torrent = await session({ path: join(folder, 'copy') }).add(bytes, { peers: [peer] })
    const got: Uint8Array[] = []
    for await (const chunk of torrent.files[0]?.stream({ start: 123_456, end: 345_678 }) ?? [])
      got.push(chunk)
    expect(Buffer.concat(got).equals(data.subarray(123_456, 345_679))).toBe(true)
  })

  it('pauses and resumes', async () => {
    const { bytes } = await sample('pause.bin', 3_000_000)
    const { peer, torrent: seed } = await seeding(bytes)
    const torrent = await session({ path: join(folder, 'copy') }).add(bytes, { peers: [peer] })
    await new Promise<void>((resolve) => torrent.once('piece', () => resolve()))
    void torrent.pause()
    expect(torrent.state).toBe('paused')
    expect(torrent.stats.peers).toBe(0)
    while (seed.stats.peers > 0) await new Promise((resolve) => setTimeout(resolve, 5))
    void torrent.resume()
    expect(await torrent.done).toBe('complete')
  })

  it('rejects ready when the port is taken, and says closed to late callers', async () => {
    const first = session()
    const port = await first.ready
    const second = session({ port })
    await expect(second.ready).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await second.close()
    await expect(second.add(new Uint8Array())).rejects.toMatchObject({ code: 'session/closed' })
  })

  it('rejects ready when its UDP port is taken and there is no TCP to go on with', async () => {
    const first = session({ tcp: false })
    const port = await first.ready
    expect(port).toBeGreaterThan(0)
    for (const listen of [true, false]) {
      const second = session({ tcp: false, listen, port })
      await expect(second.ready).rejects.toMatchObject({ code: 'EADDRINUSE' })
    }
  })

  it('tells those who listen once it is ready that it has no UDP', async () => {
    const port = await session({ tcp: false }).ready
    const second = session({ port })
    expect(await second.ready).toBe(port)
    const [warning] = await once(second, 'warning')
    expect(warning).toMatchObject({ code: 'session/udp-failed' })
  })

  it.skipIf(process.platform !== 'linux')('closes files beyond a limit that was lowered', async () => {
    await mkdir(join(folder, 'set'))
    for (let i = 0; i < 12; i++)
      await writeFile(join(folder, 'set', `${i}.bin`), seededRandom(i + 1).bytes(50_000))
    const bytes = await createTorrent(join(folder, 'set'), { pieceLength: 32_768 })
    const { seeder, peer } = await seeding(bytes)
    const other = session({ path: join(folder, 'copy') })
    await (await other.add(bytes, { peers: [peer] })).done
    const open = async (): Promise<number> => {
      const files = await readdir('/proc/self/fd')
      const links = await Promise.all(files.map((file) => readlink(`/proc/self/fd/${file}`).catch(() => '')))
      return links.filter((link) => link.startsWith(join(folder, 'set'))).length
    }
    expect(await open()).toBe(12)
    seeder.configure({ limits: { openFilesPerTorrent: 2 } })
    while ((await open()) > 2) await new Promise((resolve) => setTimeout(resolve, 5))
    const third = session({ path: join(folder, 'third') })
    expect(await (await third.add(bytes, { peers: [peer] })).done).toBe('complete')
    expect(await open()).toBeLessThanOrEqual(2)
  })

  it('settles done with closed when the torrent is closed first', async () => {
    const { bytes } = await sample('closed.bin', 100_000)
    const torrent = await session({ path: join(folder, 'nothing') }).add(bytes)
    await torrent.ready
    const done = torrent.done
    await torrent.close()
    expect(await done).toBe('closed')
    expect(torrent.state).toBe('closed')
  })

  it('refuses what it cannot read, with a code', async () => {
    const one = session()
    await expect(one.add(join(folder, 'missing.torrent'))).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(one.add(new Uint8Array([1, 2, 3]))).rejects.toMatchObject({
      code: expect.stringMatching(/^bencode\//),
    })
    await expect(one.add('magnet:?xt=urn:btih:00')).rejects.toMatchObject({
      code: 'magnet/bad-infohash',
    })
    await expect(one.add(new Uint8Array(), { signal: AbortSignal.abort(new Error('no')) })).rejects.toThrow(
      'no',
    )
  })

  it('gives up a torrent that is still on its way when it closes, whatever the signal', async () => {
    let asked = (): void => {}
    const arrived = new Promise<void>((resolve) => {
      asked = resolve
    })
    const server = createServer(() => asked())
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const one = session()
    const { signal } = new AbortController()
    const added = one.add(`http://127.0.0.1:${port}/slow.torrent`, { signal })
    const outcome = expect(added).rejects.toMatchObject({ code: 'session/closed' })
    await arrived
    await one.close()
    await outcome
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })

  it('leaves no socket, timer or file open', async () => {
    const before = openResources()
    const { bytes } = await sample('leak.bin', 300_000)
    const { peer, seeder } = await seeding(bytes)
    const other = session({ path: join(folder, 'copy') })
    await (await other.add(bytes, { peers: [peer] })).done
    await Promise.all([seeder.close(), other.close()])
    await expectNothingLeft(before)
  })
})
