/**
 * The peers of one torrent in a tracker's memory: constant work per announce and per peer handed out,
 * however large the swarm.
 * @module
 */

import { encodeCompact } from '../util/address.js'
import { below, type Random } from '../util/random.js'

/** A peer as the tracker keeps it. */
export interface SwarmPeer {
  readonly host: string
  readonly port: number
  /** 6 or 18 bytes. */
  readonly compact: Uint8Array
  peerId: Uint8Array
  /** ms of its last announce. */
  seen: number
  isSeed: boolean
  /** Uploads only without being complete (BEP 21). */
  isPartialSeed: boolean
  /** Its completion has been counted. */
  isCounted: boolean
  pool: Pool
  /** Index in its pool. */
  at: number
}

/** What the tracker remembers of an announce. */
export interface SwarmAnnounce {
  /** IP in canonical text. */
  readonly host: string
  readonly port: number
  readonly peerId: Uint8Array
  readonly isSeed: boolean
  readonly isPartialSeed: boolean
  readonly event: 'started' | 'completed' | 'stopped' | 'paused' | undefined
}

export class Swarm {
  /** Finished downloads that were reported. */
  downloaded = 0
  /** Seeds. */
  complete = 0
  partialSeeds = 0
  /** ms of the last announce. */
  touched = 0
  /** In the order of their last announce, oldest first. */
  private readonly peers = new Map<string, SwarmPeer>()
  /** By family and by whether they take data: seeds are of little use to each other. */
  private readonly pools: Record<4 | 6, { readonly taking: Pool; readonly giving: Pool }> = {
    4: { taking: new Pool(), giving: new Pool() },
    6: { taking: new Pool(), giving: new Pool() },
  }

  get size(): number {
    return this.peers.size
  }

  /** Leechers, partial seeds among them. */
  get incomplete(): number {
    return this.peers.size - this.complete
  }

  /** Leechers without partial seeds (BEP 21). */
  get downloaders(): number {
    return this.peers.size - this.complete - this.partialSeeds
  }

  /** Enters or renews a peer, or takes it out when it stopped; returns how many more peers there are. */
  announce(announce: SwarmAnnounce, now: number): number {
    const { host, port, event } = announce
    const key = `${host}|${port}`
    const known = this.peers.get(key)
    this.touched = now
    if (event === 'stopped') {
      if (!known) return 0
      this.remove(key, known)
      return -1
    }
    const pools = this.pools[host.includes(':') ? 6 : 4]
    const pool = announce.isSeed || announce.isPartialSeed ? pools.giving : pools.taking
    let peer: SwarmPeer
    if (known) {
      peer = known
      this.uncount(peer)
      peer.peerId = announce.peerId
      peer.isSeed = announce.isSeed
      peer.isPartialSeed = announce.isPartialSeed
      if (peer.pool !== pool) {
        peer.pool.remove(peer)
        pool.add(peer)
      }
      // Moves it to the end: the map stays in the order of the last announce.
      this.peers.delete(key)
    } else {
      const { peerId, isSeed, isPartialSeed } = announce
      const compact = encodeCompact({ host, port })
      peer = { host, port, compact, peerId, seen: now, isSeed, isPartialSeed, isCounted: false, pool, at: 0 }
      pool.add(peer)
    }
    this.peers.set(key, peer)
    peer.seen = now
    this.complete += peer.isSeed ? 1 : 0
    this.partialSeeds += peer.isPartialSeed ? 1 : 0
    if (event === 'completed' && !peer.isCounted) {
      peer.isCounted = true
      this.downloaded++
    }
    return known ? 0 : 1
  }

  /** Removes at most `limit` peers not seen since `before`; returns how many. */
  expire(before: number, limit: number): number {
    let removed = 0
    for (const [key, peer] of this.peers) {
      if (peer.seen >= before || removed === limit) break
      this.remove(key, peer)
      removed++
    }
    return removed
  }

  /** Removes the peer not seen for longest; false when there is none. */
  evict(): boolean {
    for (const [key, peer] of this.peers) {
      this.remove(key, peer)
      return true
    }
    return false
  }

  /**
   * At most `count` random peers for the peer at `host`, `port`, itself left out: a list for each family, the
   * earlier families first. A peer that takes data gets both kinds as the swarm has them, of each kind at
   * least one. One that takes none gets those that do, and where they leave room also the others: a client
   * with a magnet announces `left=0` until it has the metadata.
   */
  pick(
    families: readonly (4 | 6)[],
    count: number,
    host: string,
    port: number,
    takes: boolean,
    random: Random,
  ): SwarmPeer[][] {
    const lists = families.map((): SwarmPeer[] => [])
    const self = this.peers.get(`${host}|${port}`)
    let room = count
    const draw = (pool: Pool, most: number, list: SwarmPeer[]): void => {
      const before = list.length
      pool.pick(Math.min(most, room), self, random, list)
      room -= list.length - before
    }
    for (const [i, family] of families.entries()) {
      const { taking, giving } = this.pools[family]
      const list = lists[i] as SwarmPeer[]
      if (takes) draw(giving, this.share(family, room, self), list)
      draw(taking, room, list)
    }
    if (!takes) {
      for (const [i, family] of families.entries())
        draw(this.pools[family].giving, room, lists[i] as SwarmPeer[])
    }
    return lists
  }

  /** How many of `count` peers of a family for a peer that takes data are seeds. */
  private share(family: 4 | 6, count: number, self: SwarmPeer | undefined): number {
    const { taking, giving } = this.pools[family]
    if (count <= 0 || giving.size === 0) return 0
    const both = taking.size + giving.size
    const part = Math.min(giving.size, Math.max(1, Math.round((count * giving.size) / both)))
    // Where leechers (without the asker, which is none of them when it has just stopped) cannot fill the rest, seeds do.
    const others = taking.size - (self?.pool === taking ? 1 : 0)
    const share = Math.max(part, Math.min(giving.size, count - others))
    return count > 1 && others > 0 ? Math.min(share, count - 1) : share
  }

  private remove(key: string, peer: SwarmPeer): void {
    this.peers.delete(key)
    peer.pool.remove(peer)
    this.uncount(peer)
  }

  private uncount(peer: SwarmPeer): void {
    this.complete -= peer.isSeed ? 1 : 0
    this.partialSeeds -= peer.isPartialSeed ? 1 : 0
  }
}

/** A set of peers from which random ones are drawn at a constant price. */
class Pool {
  private readonly members: SwarmPeer[] = []

  get size(): number {
    return this.members.length
  }

  add(peer: SwarmPeer): void {
    peer.pool = this
    peer.at = this.members.length
    this.members.push(peer)
  }

  remove(peer: SwarmPeer): void {
    const last = this.members.pop()
    if (!last || last === peer) return
    this.members[peer.at] = last
    last.at = peer.at
  }

  /** Appends at most `count` members but `self` to `into`: the beginning of a Fisher-Yates shuffle of the whole. */
  pick(count: number, self: SwarmPeer | undefined, random: Random, into: SwarmPeer[]): void {
    const { members } = this
    const { length } = members
    let wanted = count
    for (let i = 0; i < length && wanted > 0; i++) {
      const j = i + below(random, length - i)
      const drawn = members[j] as SwarmPeer
      const first = members[i] as SwarmPeer
      members[i] = drawn
      drawn.at = i
      members[j] = first
      first.at = j
      if (drawn === self) continue
      into.push(drawn)
      wanted--
    }
  }
}
