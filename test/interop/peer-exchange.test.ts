/** Peer exchange with libtorrent, both ways (BEP 11). Nobody has any data, so that nobody leaves. */

import { describe, expect, it } from 'vitest'
import { requireClient } from './rigs/clients.js'
import { Libtorrent } from './rigs/libtorrent.js'
import { makePayload, SHAPES } from './rigs/payload.js'
import { addressOf, openSession } from './rigs/rarest.js'
import { scene, until } from './rigs/scene.js'

/** libtorrent sends its first message within a minute. */
const PATIENCE = 100_000
/** A client that others have to dial. */
const passive = { settings: { enable_outgoing_tcp: false } }

describe.runIf(requireClient('libtorrent'))('peer exchange', () => {
  it('tells us of the peers of libtorrent', { timeout: 2 * PATIENCE }, async () => {
    const stage = scene()
    const middle = stage.own(await Libtorrent.start())
    const end = stage.own(await Libtorrent.start(passive))
    const { torrent: file, infoHash } = await makePayload(stage, middle, SHAPES['a folder'])
    await middle.add(file, await stage.folder('middle'), { pex: true })
    await end.add(file, await stage.folder('end'), { pex: true })
    await middle.connect(infoHash, [end.address])
    const torrent = await openSession(stage, await stage.folder('ours')).add(file, {
      peers: [middle.address],
    })
    const found = () => torrent.peers.find(({ address }) => address === end.address)
    await until('we are connected to whom libtorrent told us of', () => found() !== undefined, PATIENCE)
    expect(found()).toMatchObject({ source: 'pex', incoming: false })
  })

  it('tells libtorrent of our peers', { timeout: 2 * PATIENCE }, async () => {
    const stage = scene()
    const end = stage.own(await Libtorrent.start())
    const other = stage.own(await Libtorrent.start(passive))
    const { torrent: file, infoHash } = await makePayload(stage, end, SHAPES['a folder'])
    await end.add(file, await stage.folder('end'), { pex: true })
    await other.add(file, await stage.folder('other'), { pex: true })
    const session = openSession(stage, await stage.folder('ours'))
    await session.add(file, { peers: [other.address] })
    await end.connect(infoHash, [await addressOf(session)])
    await until(
      'libtorrent is connected to whom we told it of',
      async () => (await end.status(infoHash)).peers.some(({ address }) => address === other.address),
      PATIENCE,
    )
  })
})
