import { once } from 'node:events'
import { type Dht, RarestError, type Session, type SessionOptions, type Torrent, type World } from 'rarest'
import { type BencodeValue, decode, encode } from 'rarest/bencode'
import type { StorageBackend } from 'rarest/storage'
import type { ByteStream } from 'rarest/testing'
import { TrackerServer } from 'rarest/tracker'

type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const holds = <T extends true>(): T | undefined => undefined

export const value: BencodeValue = decode(encode({ a: [1, 2n, 'text', new Uint8Array(1)] }))
// @ts-expect-error no such code
new RarestError('torrent/clsoed', 'c')
export const code: string = new RarestError('torrent/closed', 'c').code
// @ts-expect-error null has no form in bencode
encode(null)
// @ts-expect-error a decoded value is no object with properties
value.a

export async function use(
  session: Session,
  world: World,
  stream: ByteStream,
  storage: StorageBackend,
): Promise<void> {
  const torrent: Torrent = await session.add('a.torrent', { path: 'downloads' })
  torrent.on('piece', (index) => {
    holds<Equals<typeof index, number>>()
  })
  torrent.on('error', (error) => {
    holds<Equals<typeof error, RarestError>>()
  })
  session.on('listening', (port) => {
    holds<Equals<typeof port, number>>()
  })
  // @ts-expect-error no such event
  torrent.on('pieces', () => {})
  // @ts-expect-error no such event
  session.on('torrent', () => {})
  // @ts-expect-error the index of a piece is a number
  torrent.on('piece', (index: string) => index)
  holds<Equals<Awaited<typeof torrent.done>, 'complete' | 'closed'>>()
  holds<Equals<Awaited<typeof session.ready>, number>>()
  for await (const chunk of torrent.files[0]?.stream({ start: 0, end: 1023 }) ?? []) {
    holds<Equals<typeof chunk, Uint8Array>>()
  }
  await once(torrent, 'done')
  for await (const hash of (session.dht as Dht).crawl()) holds<Equals<typeof hash, string>>()
  holds<Equals<typeof torrent.infoHash, string>>()
  holds<Equals<ReturnType<typeof session.torrent>, Torrent | undefined>>()
  session.torrent(new Uint8Array(20))
  session.torrent(new ArrayBuffer(32))
  // @ts-expect-error an infohash is text or bytes
  session.torrent(7)
  // @ts-expect-error torrents are made by sessions
  new Torrent()
  const options: SessionOptions = { path: 'downloads' }
  // @ts-expect-error an option of another name
  const wrong: SessionOptions = { paths: 'downloads' }
  void [options, wrong, world, stream, storage, new TrackerServer({ port: 0 })]
  await session.close()
}
