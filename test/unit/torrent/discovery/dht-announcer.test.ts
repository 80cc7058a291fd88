import { describe, expect, it } from 'vitest'
import { DhtAnnouncer } from '../../../../src/torrent/discovery/dht-announcer.js'
import type { DhtSchedule, DhtSubject } from '../../../../src/torrent/discovery/dht-schedule.js'

const v1 = new Uint8Array(20).fill(1)
const v2 = new Uint8Array(20).fill(2)

function torrentIn(isPrivate: boolean) {
  const subjects = new Set<DhtSubject>()
  const nodes: string[] = []
  const schedule = {
    add: (subject: DhtSubject) => subjects.add(subject),
    remove: (subject: DhtSubject) => subjects.delete(subject),
    needPeers: () => {},
    addNode: (host: string, port: number) => nodes.push(`${host} ${port}`),
  } as unknown as DhtSchedule
  const parts = { schedule, infoHashes: [v1], private: isPrivate, isSeed: () => false, found: () => {} }
  const announced = () => [...subjects].map(({ infoHash }) => infoHash[0])
  return { announcer: new DhtAnnouncer(parts), announced, nodes }
}

describe('a torrent in the DHT', () => {
  it('is announced under each of its infohashes while it runs', () => {
    const { announcer, announced } = torrentIn(false)
    expect(announced()).toEqual([])
    announcer.start()
    expect(announced()).toEqual([1])
    announcer.setInfoHashes([v1, v2])
    expect(announced()).toEqual([1, 2])
    announcer.stop()
    expect(announced()).toEqual([])
    announcer.start()
    expect(announced()).toEqual([1, 2])
  })

  it('never is when private, and leaves when it turns out to be', () => {
    const { announcer, announced, nodes } = torrentIn(true)
    announcer.start()
    announcer.addNodes([{ host: 'router.example', port: 1 }])
    expect([announced(), nodes, announcer.schedule]).toEqual([[], [], undefined])
    const magnet = torrentIn(false)
    magnet.announcer.start()
    magnet.announcer.addNodes([{ host: '::1', port: 2 }])
    expect([magnet.announced(), magnet.nodes]).toEqual([[1], ['::1 2']])
    magnet.announcer.makePrivate()
    expect(magnet.announced()).toEqual([])
    magnet.announcer.setInfoHashes([v1, v2])
    magnet.announcer.stop()
    magnet.announcer.start()
    expect([magnet.announced(), magnet.announcer.schedule]).toEqual([[], undefined])
  })
})
