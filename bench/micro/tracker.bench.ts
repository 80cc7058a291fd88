/** The tracker's core: announces of a busy swarm over UDP and HTTP, and the codecs of a client. */
import { bench, do_not_optimize } from 'mitata'
import { announceUrl, decodeAnnounce } from '../../src/tracker/http-codec.js'
import { TrackerCore } from '../../src/tracker/server.js'
import type { AnnounceRequest } from '../../src/tracker/types.js'
import { decodeUdpResponse, encodeAnnounce, encodeConnect } from '../../src/tracker/udp-codec.js'
import { toHex } from '../../src/util/bytes.js'
import { seededRandom } from '../../test/support/random.js'

const TORRENTS = 100
/** Announcers; each is in ten torrents. */
const HOSTS = 2_000
/** Announces in one round, each of another peer. */
const ROUND = 1_024

const random = seededRandom(1)
const hosts = Array.from({ length: HOSTS }, (_, i) => `10.1.${i >> 8}.${i & 255}`)
const peerId = random.bytes(20)
const hashes = Array.from({ length: TORRENTS }, () => random.bytes(20))
const request = (infoHash: Uint8Array, left: number): AnnounceRequest => ({
  infoHash,
  peerId,
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left,
  numwant: 50,
  key: 1,
})

/** 20,000 peers in 100 torrents, a fifth of them seeds; no rate limit, since all come from here. */
const tracker = new TrackerCore({ random, requestsPerSecond: Number.POSITIVE_INFINITY })
const targetOf = (infoHash: Uint8Array, left: number) => {
  const url = announceUrl('http://t/announce', request(infoHash, left))
  return url.slice('http://t'.length)
}
const round: { host: string; datagram: Uint8Array; target: string }[] = []
for (let i = 0; i < 10 * HOSTS; i++) {
  const host = hosts[i % HOSTS] as string
  const infoHash = hashes[(i + Math.floor(i / HOSTS)) % TORRENTS] as Uint8Array
  const left = random.uint32() % 5 === 0 ? 0 : 1_000
  const reply = tracker.udp(encodeConnect(i), host, 0)
  const connected = reply && decodeUdpResponse(reply, 4)
  if (!connected?.ok || connected.value.action !== 'connect') throw new Error('no connection')
  const datagram = encodeAnnounce(connected.value.connectionId, i, request(infoHash, left))
  tracker.udp(datagram, host, 0)
  if (i % 19 === 0 && round.length < ROUND) round.push({ host, datagram, target: targetOf(infoHash, left) })
}
for (const { host, target } of round) tracker.http(target, host, 0)
const { peers, refused } = tracker.stats
if (peers !== 10 * HOSTS || refused > 0) throw new Error(`${peers} peers, ${refused} refused`)

const connect = encodeConnect(1)
bench('1,024 UDP announces of 20,000 peers in 100 torrents, 50 wanted: server core', () => {
  for (const { host, datagram } of round) do_not_optimize(tracker.udp(datagram, host, 0))
})
bench('1,024 HTTP announces of the same: server core', () => {
  for (const { host, target } of round) do_not_optimize(tracker.http(target, host, 0))
})
bench('1,024 UDP connects: server core', () => {
  for (const { host } of round) do_not_optimize(tracker.udp(connect, host, 0))
})

const answer = tracker.http(targetOf(hashes[0] as Uint8Array, 1_000), '10.9.9.9', 0).body
const ours = request(hashes[0] as Uint8Array, 1_000)
bench(`read an HTTP answer of ${toHex(answer).length / 2} bytes: client`, () =>
  do_not_optimize(decodeAnnounce(answer)),
)
bench('write an HTTP announce: client', () => do_not_optimize(announceUrl('http://t/announce', ours)))
bench('write a UDP announce: client', () => do_not_optimize(encodeAnnounce(1n, 1, ours)))
