import { describe, expect, it } from 'vitest'
import { DhtPresence } from '../../../../src/torrent/discovery/dht.js'
import type { DhtAnnouncer, DhtSubject } from '../../../../src/torrent/discovery/dht-announcer.js'

const v1 = new Uint8Array(20).fill(1)
const v2 = new Uint8Array(20).fill(2)

function presence() {
  const subjects = new Set<DhtSubject>()
  const nodes: string[] = []
  const announcer = {
    add: (subject: DhtSubject) => subjects.add(subject),
    remove: (subject: DhtSubject) => subjects.delete(subject),
    needPeers: () => {},
    addNode: (host: string, port: number) => nodes.push(`${host} ${port}`),
  } as unknown as DhtAnnouncer
  const made = new DhtPresence({ announcer, isSeed: () => false, found: () => {} })
  const announced = () => [...subjects].map(({ infoHash }) => infoHash[0])
  return { made, announced, nodes }
}

describe('a torrent in the DHT', () => {
  it('is announced under each of its infohashes while it runs', () => {
    const { made, announced } = presence()
    made.set([v1], false)
    expect(announced()).toEqual([])
    made.start()
    expect(announced()).toEqual([1])
    made.set([v1, v2], false)
    expect(announced()).toEqual([1, 2])
    made.stop()
    expect(announced()).toEqual([])
    made.start()
    expect(announced()).toEqual([1, 2])
  })

  it('never is when private, and leaves when it turns out to be', () => {
    const { made, announced, nodes } = presence()
    made.set([v1], true)
    made.start()
    made.meet([{ host: 'router.example', port: 1 }])
    expect([announced(), nodes, made.announcer]).toEqual([[], [], undefined])
    const magnet = presence()
    magnet.made.set([v1], false)
    magnet.made.start()
    magnet.made.meet([{ host: '::1', port: 2 }])
    expect([magnet.announced(), magnet.nodes]).toEqual([[1], ['::1 2']])
    magnet.made.set([v1, v2], true)
    magnet.made.stop()
    magnet.made.start()
    expect([magnet.announced(), magnet.made.announcer]).toEqual([[], undefined])
  })
})
