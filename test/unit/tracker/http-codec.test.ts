import { describe, expect, it } from 'vitest'
import { type Encodable, encode } from '../../../src/bencode/index.js'
import { announceUrl, decodeAnnounce, decodeScrape, scrapeUrl } from '../../../src/tracker/http-codec.js'
import { type AnnounceRequest, MAX_PEERS } from '../../../src/tracker/types.js'
import { concatBytes, fromLatin1, utf8 } from '../../../src/util/bytes.js'

const request: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0xaa),
  peerId: utf8('-RA0100-abcdefghijkl'),
  port: 6881,
  uploaded: 0,
  downloaded: 0,
  left: 0,
  key: 0xabc,
}
const hash = '%AA'.repeat(20)
const parametersOf = (changes: Partial<AnnounceRequest>) =>
  new URL(announceUrl('http://t/announce', { ...request, ...changes })).searchParams

const read = (answer: Record<string, Encodable | undefined> | string) =>
  decodeAnnounce(typeof answer === 'string' ? fromLatin1(answer) : encode(answer))
function good(answer: Record<string, Encodable | undefined> | string) {
  const result = read(answer)
  if (!result.ok) throw result.error
  return result.value
}
function bad(answer: Record<string, Encodable | undefined> | string) {
  const result = read(answer)
  if (result.ok) throw new Error('was accepted')
  return result.error
}
const compact = (count: number) =>
  concatBytes(...Array.from({ length: count }, (_, i) => Uint8Array.of(1, 2, i >> 8, i, 0x1a, 0xe1)))

describe('announce URL', () => {
  it('holds every parameter once, in one spelling', () => {
    expect(announceUrl('http://t/announce', request)).toBe(
      `http://t/announce?info_hash=${hash}&peer_id=-RA0100-abcdefghijkl&port=6881&uploaded=0&downloaded=0` +
        '&left=0&compact=1&no_peer_id=1&key=00000ABC',
    )
  })

  it.each([
    ['http://t/a', 'http://t/a?info_hash='],
    ['http://t/a?', 'http://t/a?info_hash='],
    ['http://t/a?pass=x%41', 'http://t/a?pass=x%41&info_hash='],
    ['http://t/a?pass=x&', 'http://t/a?pass=x&info_hash='],
    ['http://t/a?x=1?y', 'http://t/a?x=1?y&info_hash='],
    ['http://t/a#frag', 'http://t/a?info_hash='],
    ['http://t/a?x#f?y', 'http://t/a?x&info_hash='],
    ['http://t', 'http://t?info_hash='],
  ])('appends to %s', (url, start) => {
    expect(announceUrl(url, request).startsWith(start)).toBe(true)
  })

  it('says events, numwant and the tracker id only when there are any', () => {
    const said = parametersOf({ event: 'completed', numwant: 0, trackerId: 'a&b\xff' })
    expect(said.get('event')).toBe('completed')
    expect(said.get('numwant')).toBe('0')
    expect(announceUrl('http://t/', { ...request, trackerId: 'a&b\xff' })).toContain('&trackerid=a%26b%FF')
    for (const name of ['event', 'numwant', 'trackerid', 'ip', 'ipv4', 'ipv6'])
      expect(parametersOf({}).has(name)).toBe(false)
  })

  it.each([
    [undefined, 'paused'],
    ['started', 'paused'],
    ['completed', 'completed'],
    ['stopped', 'stopped'],
  ] as const)('of a partial seed says for %s: %s (BEP 21)', (event, said) => {
    expect(parametersOf({ event, paused: true }).get('event')).toBe(said)
  })

  it('keeps counters above 2^53 exact and the key a u32', () => {
    const said = parametersOf({ uploaded: 2n ** 63n + 1n, left: 2 ** 53 - 1, key: -1 })
    expect(said.get('uploaded')).toBe('9223372036854775809')
    expect(said.get('left')).toBe('9007199254740991')
    expect(said.get('key')).toBe('FFFFFFFF')
  })

  it('sends the first 20 bytes of a v2 hash, and refuses other lengths', () => {
    const v2 = Uint8Array.from({ length: 32 }, (_, i) => i)
    expect(announceUrl('http://t/', { ...request, infoHash: v2 })).toContain('%12%13&peer_id')
    expect(() => parametersOf({ infoHash: new Uint8Array(19) })).toThrow(RangeError)
    expect(() => parametersOf({ peerId: new Uint8Array(21) })).toThrow(RangeError)
  })
})

describe('scrape URL', () => {
  it('names every hash', () => {
    const two = [request.infoHash, new Uint8Array(32).fill(0x41)]
    expect(scrapeUrl('http://t/announce?k=1#x', two)).toBe(
      `http://t/scrape?k=1&info_hash=${hash}&info_hash=${'A'.repeat(20)}`,
    )
    expect(scrapeUrl('http://t/announce', [request.infoHash])).toBe(`http://t/scrape?info_hash=${hash}`)
  })

  it.each(['http://announce', 'http://announce/', 'http://t/xannounce', 'http://t/announce/x', 'announce'])(
    'is none for %s',
    (url) => {
      expect(scrapeUrl(url, [request.infoHash])).toBeUndefined()
    },
  )
})

describe('announce answer', () => {
  it('reads all that trackers say', () => {
    expect(
      good({
        interval: 900,
        'min interval': 60,
        complete: 3,
        incomplete: 4,
        downloaded: 5,
        'warning message': 'soon\u0007 down',
        'tracker id': fromLatin1('\xfe1'),
        'external ip': Uint8Array.of(9, 8, 7, 6),
        peers: compact(1),
      }),
    ).toEqual({
      interval: 900,
      minInterval: 60,
      complete: 3,
      incomplete: 4,
      downloaded: 5,
      warning: 'soon  down',
      trackerId: '\xfe1',
      externalIp: '9.8.7.6',
      peers: [{ address: { host: '1.2.0.0', port: 6881 } }],
    })
  })

  it('takes whatever is odd, and leaves it out', () => {
    expect(
      good({
        interval: -5,
        'min interval': -1,
        complete: 'many',
        incomplete: [],
        downloaded: 2n ** 70n,
        'warning message': 7,
        'tracker id': new Uint8Array(1025),
        'external ip': new Uint8Array(5),
        peers: 12,
        peers6: {},
      }),
    ).toEqual({ interval: 1800, peers: [] })
  })

  it.each([
    ['keys out of order', 'd5:peers0:8:intervali60ee'],
    ['a newline behind it', 'd8:intervali60ee\r\n'],
    ['unknown keys', 'd1:ai1e8:intervali60e1:zld1:a0:eee'],
  ])('accepts %s', (_, text) => {
    expect(good(text)).toEqual({ interval: 60, peers: [] })
  })

  it.each([
    ['none', '', 1800],
    ['one as text', '8:interval3:900', 900],
    ['one as other text', '8:interval4:soon', 1800],
    ['a negative one', '8:intervali-1e', 1800],
    ['one beyond 2^53', '8:intervali99999999999999999999e', 1800],
    ['a list', '8:intervalle', 1800],
    ['0, which the announcer bounds', '8:intervali0e', 0],
  ])('with peers and for an interval %s gives the peers', (_, text, interval) => {
    const answer = good(`d${text}5:peers6:\x01\x02\x03\x04\x1a\xe1e`)
    expect(answer).toEqual({ interval, peers: [{ address: { host: '1.2.3.4', port: 6881 } }] })
  })

  it('may be an empty dictionary, and give its shortest interval as text', () => {
    expect(good('de')).toEqual({ interval: 1800, peers: [] })
    expect(good({ 'min interval': '60' })).toEqual({ interval: 1800, minInterval: 60, peers: [] })
  })

  it.each([
    ['nothing', '', 'tracker/malformed'],
    ['a page', '<html><body>404</body></html>', 'tracker/malformed'],
    ['a cut dictionary', 'd8:intervali60e', 'tracker/malformed'],
    ['a list', 'li60ee', 'tracker/malformed'],
    ['a number', 'i60e', 'tracker/malformed'],
    ['a string', '4:oops', 'tracker/malformed'],
    ['a key twice', 'd8:intervali60e8:intervali61ee', 'tracker/malformed'],
    ['a deep nest', `d1:a${'l'.repeat(1000)}${'e'.repeat(1000)}8:intervali60ee`, 'tracker/malformed'],
    ['a string longer than the body', 'd8:intervali60e5:peers99999999999:e', 'tracker/malformed'],
    ['too many tokens', `d1:al${'i0e'.repeat(100_001)}e8:intervali60ee`, 'tracker/malformed'],
    ['an endless integer', `d8:intervali${'9'.repeat(40)}ee`, 'tracker/malformed'],
  ])('refuses %s', (_, text, code) => {
    expect(bad(text).code).toBe(code)
  })

  it('is a failure whatever stands beside it', () => {
    const error = bad({ 'failure reason': 'not\u001b[31m registered\n', interval: 60, peers: compact(1) })
    expect(error).toMatchObject({ code: 'tracker/failure', retryIn: undefined })
    expect(error.message).toBe('the tracker refused: not [31m registered')
    expect(bad({ 'failure reason': 5 }).message).toContain('no reason given')
    expect(bad({ 'failure reason': 'x'.repeat(100_000) }).message.length).toBeLessThan(600)
  })

  it.each([
    [5, 300_000],
    ['5', 300_000],
    [0, 0],
    ['never', Number.POSITIVE_INFINITY],
    [-1, undefined],
    ['-1', undefined],
    ['soon', undefined],
    ['Never', undefined],
    ['', undefined],
    ['1e9', undefined],
    ['9'.repeat(12), undefined],
    [[5], undefined],
  ] as [Encodable, number | undefined][])('retry in %j is %s ms (BEP 31)', (value, retryIn) => {
    expect(bad({ 'failure reason': 'no', 'retry in': value }).retryIn).toBe(retryIn)
  })

  it('minds retry in only with a failure', () => {
    expect(good({ interval: 60, 'retry in': 5 })).toEqual({ interval: 60, peers: [] })
  })

  it('takes the whole entries of a compact list that ends inside one, and warns', () => {
    const six = concatBytes(new Uint8Array(15), Uint8Array.of(1, 0, 80))
    const address = { host: '::1', port: 80 }
    expect(good({ interval: 1, peers: compact(3).subarray(0, 17), peers6: six })).toEqual({
      interval: 1,
      peers: [
        { address: { host: '1.2.0.0', port: 6881 } },
        { address: { host: '1.2.0.1', port: 6881 } },
        { address },
      ],
      warning: 'peers ends in 5 bytes that are no whole peer',
    })
    const odd = {
      'warning message': 'moving',
      peers: new Uint8Array(3),
      peers6: concatBytes(six, six.subarray(1)),
    }
    expect(good({ interval: 1, ...odd })).toEqual({
      interval: 1,
      peers: [{ address }],
      warning:
        'moving; peers ends in 3 bytes that are no whole peer; peers6 ends in 17 bytes that are no whole peer',
    })
  })

  it('leaves out endpoints where nobody listens', () => {
    const peers = Uint8Array.of(
      ...[1, 2, 3, 4, 0, 0],
      ...[0, 0, 0, 0, 0, 80],
      ...[224, 0, 0, 1, 0, 80],
      ...[255, 255, 255, 255, 0, 80],
      ...[1, 2, 3, 4, 0, 80],
    )
    expect(good({ interval: 1, peers }).peers).toEqual([{ address: { host: '1.2.3.4', port: 80 } }])
  })

  it('reads the dictionary form: IPv4, IPv6 and names', () => {
    const peerId = new Uint8Array(20).fill(7)
    const answer = good({
      interval: 1,
      peers: [
        { ip: '1.2.3.4', port: 80, 'peer id': peerId },
        { ip: '2001:DB8::1', port: 81 },
        { ip: '::ffff:5.6.7.8', port: 82, 'peer id': 'short' },
        { ip: 'peer.example.org', port: 83, 'peer id': peerId },
      ],
    })
    expect(answer.peers).toEqual([
      { address: { host: '1.2.3.4', port: 80 }, peerId },
      { address: { host: '2001:db8::1', port: 81 } },
      { address: { host: '5.6.7.8', port: 82 } },
    ])
    expect(answer.named).toEqual([{ name: 'peer.example.org', port: 83, peerId }])
  })

  it.each([
    ['no dictionary', 'peer'],
    ['no ip', { port: 80 }],
    ['no port', { ip: '1.2.3.4' }],
    ['port 0', { ip: '1.2.3.4', port: 0 }],
    ['port 65536', { ip: '1.2.3.4', port: 65_536 }],
    ['a negative port', { ip: '1.2.3.4', port: -1 }],
    ['a port as text', { ip: '1.2.3.4', port: '80' }],
    ['an unspecified ip', { ip: '0.0.0.0', port: 80 }],
    ['an ip out of range', { ip: '1.2.3.256', port: 80 }],
    ['a number for a name', { ip: '12345', port: 80 }],
    ['a name with odd characters', { ip: 'a b/c', port: 80 }],
    ['a name too long', { ip: 'a'.repeat(254), port: 80 }],
    ['an empty name', { ip: '', port: 80 }],
  ] as [string, Encodable][])('skips a peer with %s', (_, peer) => {
    expect(good({ interval: 1, peers: [peer, { ip: '9.9.9.9', port: 9 }] })).toEqual({
      interval: 1,
      peers: [{ address: { host: '9.9.9.9', port: 9 } }],
    })
  })

  it(`takes ${MAX_PEERS} peers at most, in either form`, () => {
    expect(good({ interval: 1, peers: compact(MAX_PEERS + 50) }).peers).toHaveLength(MAX_PEERS)
    const dictionaries = Array.from({ length: MAX_PEERS + 50 }, (_, i) => ({
      ip: i % 2 ? `1.2.${i >> 8}.${i & 255}` : `peer${i}.example`,
      port: 80,
    }))
    const answer = good({ interval: 1, peers: dictionaries, peers6: new Uint8Array(1800).fill(1) })
    expect(answer.peers.length + (answer.named?.length ?? 0)).toBe(MAX_PEERS)
    const both = good({ interval: 1, peers: compact(MAX_PEERS - 1), peers6: new Uint8Array(1800).fill(1) })
    expect(both.peers).toHaveLength(MAX_PEERS)
  })
})

describe('scrape answer', () => {
  const files = (entries: Record<string, Encodable>) => decodeScrape(encode({ files: entries }))

  it('counts, with zeros for what is missing or negative', () => {
    const key = 'h'.repeat(20)
    expect(files({ [key]: { complete: 1, incomplete: -2, downloaders: 3 } })).toEqual({
      ok: true,
      value: new Map([['68'.repeat(20), { complete: 1, downloaded: 0, incomplete: 0, downloaders: 3 }]]),
    })
  })

  it('skips what is no torrent', () => {
    expect(files({ short: { complete: 1 }, ['h'.repeat(20)]: 5 })).toEqual({ ok: true, value: new Map() })
  })

  it.each([
    ['no files', 'de', 'tracker/malformed'],
    ['files of another type', 'd5:filesle', 'tracker/malformed'],
    ['garbage', 'nope', 'tracker/malformed'],
    ['a failure', 'd14:failure reason2:noe', 'tracker/failure'],
  ])('refuses %s', (_, text, code) => {
    expect(decodeScrape(utf8(text))).toMatchObject({ ok: false, error: { code } })
  })
})
