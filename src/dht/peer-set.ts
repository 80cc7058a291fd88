/**
 * The announced peers of one infohash and one address family, packed: 11 bytes a peer of IPv4, 23 of
 * IPv6, so that a hundred thousand of them take a few megabytes.
 * @module
 */

import { below, type Random } from '../util/random.js'
import type { BloomFilter } from './bloom.js'

/** Ports of one IP in one swarm: several clients behind one NAT count, one host cannot fill the swarm. */
const PORTS_PER_IP = 8
/** Peers looked at to find one that makes room. */
const EVICTION_SAMPLE = 8
const SEED = 1

const ONE = 0x31
const SIX = 0x36
const EIGHT = 0x38
const COLON = 0x3a

/** Where samples are put: arrays of their own would cost more than all the rest of an answer. */
let sampled = new Uint8Array(0)

/** Times are whole seconds: see {@link PeerStore}. */
export class PeerSet {
  /** Bytes of a compact endpoint. */
  private readonly width: number
  private readonly stride: number
  private slots: Uint8Array
  private used = 0

  constructor(family: 4 | 6) {
    this.width = family === 4 ? 6 : 18
    // Endpoint, seconds of the last announce (u32), flags.
    this.stride = this.width + 5
    this.slots = new Uint8Array(2 * this.stride)
  }

  /** Peers in it, some of which may have expired. */
  get size(): number {
    return this.used
  }

  /**
   * Adds or refreshes a peer. When there are `most`, or {@link PORTS_PER_IP} of its IP, the oldest (of a
   * few at random, or of that IP) gives way. Returns what became of the number of peers: 1 or 0.
   */
  add(peer: Uint8Array, seed: boolean, at: number, most: number, random: Random): number {
    let sameIp = 0
    let oldest = -1
    for (let i = 0; i < this.used; i++) {
      const slot = i * this.stride
      if (!this.hasIp(slot, peer)) continue
      if (this.hasPort(slot, peer)) {
        this.write(slot, peer, seed, at)
        return 0
      }
      sameIp++
      if (oldest < 0 || this.seen(slot) < this.seen(oldest)) oldest = slot
    }
    if (sameIp >= PORTS_PER_IP) {
      this.write(oldest, peer, seed, at)
      return 0
    }
    if (this.used >= most) {
      this.write(this.victim(random), peer, seed, at)
      return 0
    }
    if (this.used * this.stride === this.slots.length) {
      const grown = new Uint8Array(2 * this.slots.length)
      grown.set(this.slots)
      this.slots = grown
    }
    this.write(this.used++ * this.stride, peer, seed, at)
    return 1
  }

  /** Removes all that were last announced before `limit`; returns how many those were. */
  expire(limit: number): number {
    const before = this.used
    for (let i = 0; i < this.used; ) {
      if (this.seen(i * this.stride) < limit) this.remove(i)
      else i++
    }
    if (this.used < before) this.shrink()
    return before - this.used
  }

  /**
   * Up to `count` different peers at random, last announced at `limit` or later; with `noSeeds` those that
   * are no seeds: as entries of a bencoded list, `6:` or `18:` and the compact endpoint, 8 or 21 bytes each.
   * They last until the next call (of any set). Work depends on `count` alone.
   */
  sample(count: number, limit: number, noSeeds: boolean, random: Random): Uint8Array {
    const stride = this.stride
    const width = this.width
    const slots = this.slots
    // A partial shuffle: what was looked at moves to the front, so that nothing is looked at twice.
    const tries = Math.min(this.used, 2 * count)
    if (this.used > count) for (let i = 0; i < tries; i++) this.swap(i, i + below(random, this.used - i))
    const most = Math.min(tries, count) * (width === 6 ? 8 : 21)
    if (sampled.length < most) sampled = new Uint8Array(most)
    const into = sampled
    let to = 0
    const end = tries * stride
    for (let slot = 0; slot < end && to < most; slot += stride) {
      if (this.seen(slot) < limit || (noSeeds && this.isSeed(slot))) continue
      if (width === 6) into[to++] = SIX
      else {
        into[to++] = ONE
        into[to++] = EIGHT
      }
      into[to++] = COLON
      for (let at = slot; at < slot + width; at++) into[to++] = slots[at] as number
    }
    return into.subarray(0, to)
  }

  /** Adds the IPs of seeds and of others to the filters. */
  fill(seeds: BloomFilter, others: BloomFilter, limit: number): void {
    for (let i = 0; i < this.used; i++) {
      const slot = i * this.stride
      if (this.seen(slot) < limit) continue
      const filter = this.isSeed(slot) ? seeds : others
      filter.add(this.slots.subarray(slot, slot + this.width - 2))
    }
  }

  /** Seconds of the latest announce; 0 when empty. */
  latest(): number {
    let latest = 0
    for (let i = 0; i < this.used; i++) latest = Math.max(latest, this.seen(i * this.stride))
    return latest
  }

  private victim(random: Random): number {
    let victim = below(random, this.used) * this.stride
    for (let i = 1; i < EVICTION_SAMPLE; i++) {
      const slot = below(random, this.used) * this.stride
      if (this.seen(slot) < this.seen(victim)) victim = slot
    }
    return victim
  }

  private hasIp(slot: number, peer: Uint8Array): boolean {
    const slots = this.slots
    for (let i = this.width - 3; i >= 0; i--) if (slots[slot + i] !== peer[i]) return false
    return true
  }

  private hasPort(slot: number, peer: Uint8Array): boolean {
    const at = this.width - 2
    return this.slots[slot + at] === peer[at] && this.slots[slot + at + 1] === peer[at + 1]
  }

  private seen(slot: number): number {
    const at = slot + this.width
    const s = this.slots
    return (
      (((s[at] as number) << 24) |
        ((s[at + 1] as number) << 16) |
        ((s[at + 2] as number) << 8) |
        (s[at + 3] as number)) >>>
      0
    )
  }

  private isSeed(slot: number): boolean {
    return ((this.slots[slot + this.width + 4] as number) & SEED) !== 0
  }

  private write(slot: number, peer: Uint8Array, seed: boolean, at: number): void {
    this.slots.set(peer, slot)
    const end = slot + this.width
    this.slots[end] = at >>> 24
    this.slots[end + 1] = at >>> 16
    this.slots[end + 2] = at >>> 8
    this.slots[end + 3] = at
    this.slots[end + 4] = seed ? SEED : 0
  }

  private remove(index: number): void {
    const last = --this.used
    const stride = this.stride
    if (index !== last) this.slots.copyWithin(index * stride, last * stride, (last + 1) * stride)
  }

  private shrink(): void {
    const { length } = this.slots
    const needed = Math.max(2, this.used) * this.stride
    if (needed * 4 <= length) this.slots = this.slots.slice(0, length / 2)
  }

  private swap(a: number, b: number): void {
    if (a === b) return
    const stride = this.stride
    for (let i = 0; i < stride; i++) {
      const byte = this.slots[a * stride + i] as number
      this.slots[a * stride + i] = this.slots[b * stride + i] as number
      this.slots[b * stride + i] = byte
    }
  }
}
