import { describe, expect, it } from 'vitest'
import { equalBytes, fromLatin1, toLatin1, utf8 } from '../../../../src/util/bytes.js'
import {
  decodeMetadataMessage,
  encodeMetadataMessage,
  MAX_METADATA,
  METADATA_BLOCK,
  MetadataFetch,
  MetadataServe,
} from '../../../../src/wire/metadata/index.js'
import { seededRandom } from '../../../support/random.js'

const info = seededRandom(1).bytes(3 * METADATA_BLOCK + 100)
const COUNT = 4

function fetching(): MetadataFetch<string> {
  return new MetadataFetch({ verify: (bytes) => equalBytes(bytes, info), random: seededRandom(2) })
}

function blockOf(bytes: Uint8Array, piece: number): Uint8Array {
  return bytes.subarray(piece * METADATA_BLOCK, (piece + 1) * METADATA_BLOCK)
}

function data(piece: number, block = blockOf(info, piece), totalSize: number | undefined = info.length) {
  return encodeMetadataMessage({ type: 'data', piece, totalSize, block })
}

function reject(piece: number): Uint8Array {
  return encodeMetadataMessage({ type: 'reject', piece })
}

/** All requests that go out now, as [peer, piece]. */
function requests(fetch: MetadataFetch<string>, now: number): (readonly [string, number])[] {
  const out: (readonly [string, number])[] = []
  for (let sent = fetch.transmit(now); sent; sent = fetch.transmit(now)) {
    const message = decodeMetadataMessage(sent.payload)
    expect(message?.type).toBe('request')
    out.push([sent.peer, message?.piece as number])
  }
  return out
}

/** Answers every request of a peer until there are none; `answer` gives the messages. Returns the first code. */
function converse(
  fetch: MetadataFetch<string>,
  now: number,
  answer: (peer: string, piece: number) => Uint8Array | undefined,
): Map<string, string> {
  const codes = new Map<string, string>()
  for (let round = 0; round < 1000; round++) {
    const open = requests(fetch, now)
    if (open.length === 0) return codes
    for (const [peer, piece] of open) {
      const message = answer(peer, piece)
      const code = message && fetch.receive(peer, message, now)
      if (code) {
        codes.set(peer, code)
        fetch.removePeer(peer, now)
      }
    }
  }
  throw new Error('no end of requests')
}

describe('metadata messages', () => {
  it.each([
    [{ type: 'request', piece: 0 } as const, 'd8:msg_typei0e5:piecei0ee'],
    [
      { type: 'data', piece: 0, totalSize: 3425, block: utf8('x') } as const,
      'd8:msg_typei1e5:piecei0e10:total_sizei3425eex',
    ],
    [{ type: 'reject', piece: 0 } as const, 'd8:msg_typei2e5:piecei0ee'],
  ])('are those of BEP 9: %j', (message, text) => {
    expect(toLatin1(encodeMetadataMessage(message))).toBe(text)
    expect(decodeMetadataMessage(fromLatin1(text))).toEqual(message)
  })

  it.each([
    ['d5:piecei7e8:msg_typei0ee', { type: 'request', piece: 7 }],
    ['d1:ale8:msg_typei2e5:piecei7e1:z0:e trailing', { type: 'reject', piece: 7 }],
    ['d8:msg_typei1e5:piecei1ee', { type: 'data', piece: 1, totalSize: undefined, block: new Uint8Array() }],
  ])('are read tolerantly: %s', (text, message) => {
    expect(decodeMetadataMessage(utf8(text))).toEqual(message)
  })

  it.each([
    '',
    'de',
    'le',
    'i0e',
    'd8:msg_typei0ee',
    'd5:piecei0ee',
    'd8:msg_typei3e5:piecei0ee',
    'd8:msg_typei0e5:piecei-1ee',
    'd8:msg_typei0e5:piecei2147483648ee',
    'd8:msg_typei0e5:piecei99999999999999999999999999ee',
    'd8:msg_type1:05:piecei0ee',
    'd8:msg_typei0e5:piece1:0e',
    'd8:msg_typei0e5:piecei0e',
    'd'.repeat(10_000),
  ])('are not: %s', (text) => {
    expect(decodeMetadataMessage(utf8(text))).toBeUndefined()
  })
})

describe('a metadata fetch', () => {
  it('asks several peers at once, two requests each, and verifies the whole', () => {
    const fetch = fetching()
    expect(fetch.progress).toBeUndefined()
    expect(fetch.addPeer('a', info.length, 0)).toBe(true)
    expect(fetch.addPeer('b', info.length, 0)).toBe(true)
    expect(requests(fetch, 0)).toEqual([
      ['a', 0],
      ['b', 1],
      ['a', 2],
      ['b', 3],
    ])
    expect(fetch.receive('a', data(2), 1)).toBeUndefined()
    expect(fetch.receive('b', data(3), 1)).toBeUndefined()
    expect(fetch.receive('a', data(0), 1)).toBeUndefined()
    expect(fetch.progress).toEqual({ received: info.length - METADATA_BLOCK, size: info.length })
    expect(fetch.result).toBeUndefined()
    expect(fetch.receive('b', data(1, undefined, undefined), 1)).toBeUndefined()
    expect(fetch.result).toEqual(info)
    expect(fetch.progress).toEqual({ received: info.length, size: info.length })
    expect(requests(fetch, 1)).toEqual([])
    expect(fetch.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
    expect(fetch.receive('a', data(0), 1)).toBeUndefined()
    expect(fetch.addPeer('c', info.length, 1)).toBe(false)
  })

  it('keeps the bytes that came, whatever becomes of the buffer', () => {
    const fetch = fetching()
    fetch.addPeer('a', info.length, 0)
    converse(fetch, 0, (_, piece) => {
      const message = data(piece)
      queueMicrotask(() => message.fill(0))
      return message
    })
    expect(fetch.result).toEqual(info)
  })

  it.each([0, -1, 1.5, Number.NaN, 2 ** 31, MAX_METADATA + 1, Number.POSITIVE_INFINITY])(
    'asks nothing of a peer with metadata of %s bytes',
    (size) => {
      const fetch = fetching()
      expect(fetch.addPeer('a', size, 0)).toBe(false)
      expect(requests(fetch, 0)).toEqual([])
      expect(fetch.receive('a', data(0), 0)).toBeUndefined()
      expect(fetch.nextTimeout()).toBe(Number.POSITIVE_INFINITY)
    },
  )

  it.each([
    ['a wrong total size', data(0, undefined, info.length + 1), 'metadata/bad-total-size'],
    ['total size 0', data(0, undefined, 0), 'metadata/bad-total-size'],
    ['a short block', data(0, new Uint8Array(5)), 'metadata/bad-block'],
    ['an empty block', data(0, new Uint8Array()), 'metadata/bad-block'],
    ['a long block', data(0, new Uint8Array(METADATA_BLOCK + 1)), 'metadata/bad-block'],
    ['a block that was not asked for', data(3), undefined],
    ['a piece out of range', data(COUNT, new Uint8Array(1)), undefined],
    ['a huge piece', data(0x7fff_ffff, new Uint8Array(1)), undefined],
    ['a reject of something else', reject(3), undefined],
    ['a request', encodeMetadataMessage({ type: 'request', piece: 0 }), undefined],
    ['no message', utf8('d'), undefined],
    ['nothing', new Uint8Array(), undefined],
  ])('takes no harm from %s', (_name, message, code) => {
    const fetch = fetching()
    fetch.addPeer('a', info.length, 0)
    expect(requests(fetch, 0)).toEqual([
      ['a', 0],
      ['a', 1],
    ])
    expect(fetch.receive('a', message, 0)).toBe(code)
    expect(fetch.progress?.received).toBe(0)
    if (code) fetch.removePeer('a', 0)
    fetch.addPeer('b', info.length, 0)
    converse(fetch, 5_000, (peer, piece) => (peer === 'b' ? data(piece) : undefined))
    expect(fetch.result).toEqual(info)
  })

  it('closes a peer that floods', () => {
    const fetch = fetching()
    fetch.addPeer('a', info.length, 0)
    requests(fetch, 0)
    expect(fetch.receive('a', data(0), 0)).toBeUndefined()
    let code: string | undefined
    let sent = 0
    while (!code && sent < 1000) {
      code = fetch.receive('a', data(0), 0)
      sent++
    }
    expect(code).toBe('metadata/flood')
    expect(sent).toBeGreaterThan(10)
  })

  it('leaves a peer that rejects alone for a minute, and asks another', () => {
    const fetch = fetching()
    fetch.addPeer('a', info.length, 0)
    requests(fetch, 0)
    fetch.receive('a', reject(0), 0)
    fetch.receive('a', reject(1), 0)
    expect(requests(fetch, 59_000)).toEqual([])
    expect(fetch.nextTimeout()).toBeGreaterThanOrEqual(60_000)
    expect(fetch.nextTimeout()).toBeLessThanOrEqual(70_000)
    fetch.addPeer('b', info.length, 59_000)
    expect(requests(fetch, 59_000)).toEqual([
      ['b', 0],
      ['b', 1],
    ])
    expect(requests(fetch, 70_000).filter(([peer]) => peer === 'a').length).toBe(2)
  })

  it('gives what a silent peer owes to another, and takes a late answer', () => {
    const fetch = fetching()
    fetch.addPeer('a', info.length, 0)
    requests(fetch, 0)
    expect(fetch.nextTimeout()).toBe(4_000)
    fetch.timeout(4_000)
    expect(requests(fetch, 4_000)).toEqual([])
    fetch.addPeer('b', info.length, 4_000)
    expect(requests(fetch, 4_000)).toEqual([
      ['b', 0],
      ['b', 1],
    ])
    expect(fetch.receive('a', data(0), 4_500)).toBeUndefined()
    expect(fetch.progress?.received).toBe(METADATA_BLOCK)
    expect(requests(fetch, 4_500)).toEqual([
      ['a', 2],
      ['a', 3],
    ])
    expect(fetch.receive('b', data(0), 4_500)).toBeUndefined()
    expect(fetch.progress?.received).toBe(METADATA_BLOCK)
  })

  it('asks a peer that never answers less and less', () => {
    const fetch = fetching()
    fetch.addPeer('a', info.length, 0)
    let sent = 0
    let now = 0
    for (let i = 0; i < 10_000 && now < 3_600_000; i++) {
      fetch.timeout(now)
      sent += requests(fetch, now).length
      const next = fetch.nextTimeout()
      expect(next).toBeGreaterThan(now)
      now = next
    }
    expect(now).toBeGreaterThanOrEqual(3_600_000)
    expect(sent).toBeLessThan(150)
  })

  it('asks another peer for the last blocks of a slow one', () => {
    const fetch = fetching()
    fetch.addPeer('slow', info.length, 0)
    requests(fetch, 0)
    fetch.addPeer('b', info.length, 0)
    converse(fetch, 0, (peer, piece) => (peer === 'b' ? data(piece) : undefined))
    expect(fetch.progress?.received).toBe(info.length - 2 * METADATA_BLOCK)
    expect(fetch.nextTimeout()).toBe(3_000)
    expect(requests(fetch, 3_000)).toEqual([
      ['b', 0],
      ['b', 1],
    ])
  })

  it('gives back what a peer owes when it leaves', () => {
    const fetch = fetching()
    fetch.addPeer('a', info.length, 0)
    requests(fetch, 0)
    fetch.receive('a', data(0), 0)
    fetch.removePeer('a', 0)
    fetch.removePeer('a', 0)
    fetch.addPeer('b', info.length, 0)
    expect(requests(fetch, 0)).toEqual([
      ['b', 1],
      ['b', 2],
    ])
  })

  it('names a peer that alone supplied a wrong whole', () => {
    const fetch = fetching()
    fetch.addPeer('liar', info.length, 0)
    const codes = converse(fetch, 0, (_, piece) => data(piece, blockOf(new Uint8Array(info.length), piece)))
    expect([...codes]).toEqual([['liar', 'metadata/wrong-hash']])
    fetch.addPeer('b', info.length, 0)
    expect(converse(fetch, 0, (_, piece) => data(piece)).size).toBe(0)
    expect(fetch.result).toEqual(info)
  })

  it('finds the liar among several by letting each supply the whole', () => {
    const fetch = fetching()
    for (const peer of ['a', 'liar', 'c']) fetch.addPeer(peer, info.length, 0)
    const wrong = new Uint8Array(info.length)
    const first = requests(fetch, 0)
    expect(first.some(([peer]) => peer === 'liar')).toBe(true)
    const answer = (peer: string, piece: number) =>
      data(piece, blockOf(peer === 'liar' ? wrong : info, piece))
    for (const [peer, piece] of first) expect(fetch.receive(peer, answer(peer, piece), 0)).toBeUndefined()
    expect(fetch.progress?.received).toBe(0)
    const codes = converse(fetch, 0, (peer, piece) => (peer === 'liar' ? answer(peer, piece) : undefined))
    expect([...codes]).toEqual([['liar', 'metadata/wrong-hash']])
    fetch.timeout(4_000)
    expect(converse(fetch, 60_000, answer).size).toBe(0)
    expect(fetch.result).toEqual(info)
  })

  it('is not held up by peers that lie about the size', () => {
    const fetch = fetching()
    for (let i = 1; i <= 50; i++) fetch.addPeer(`liar ${i}`, info.length + i, 0)
    fetch.addPeer('b', info.length, 0)
    const codes = converse(fetch, 0, (peer, piece) => (peer === 'b' ? data(piece) : undefined))
    expect(fetch.result).toEqual(info)
    expect(codes.size).toBe(0)
  })

  it('follows a peer that changes its mind about the size', () => {
    const fetch = fetching()
    fetch.addPeer('a', 5, 0)
    expect(requests(fetch, 0)).toEqual([['a', 0]])
    expect(fetch.addPeer('a', info.length, 0)).toBe(true)
    expect(fetch.receive('a', data(0, new Uint8Array(5), 5), 0)).toBeUndefined()
    converse(fetch, 0, (_, piece) => data(piece))
    expect(fetch.result).toEqual(info)
    const gone = fetching()
    gone.addPeer('a', info.length, 0)
    expect(gone.addPeer('a', 0, 0)).toBe(false)
    expect(requests(gone, 0)).toEqual([])
  })

  it('holds a bounded number of bytes, and still gets there', () => {
    const large = new Uint8Array(MAX_METADATA).fill(7)
    const fetch = new MetadataFetch<string>({
      verify: (bytes) => bytes.length === large.length,
      random: seededRandom(3),
    })
    for (let i = 1; i <= 4; i++) fetch.addPeer(`liar ${i}`, MAX_METADATA - i, 0)
    const zeros = new Uint8Array(METADATA_BLOCK)
    const answer = (size: number, piece: number) =>
      data(piece, zeros.subarray(0, Math.min(METADATA_BLOCK, size - piece * METADATA_BLOCK)), size)
    let stored = 0
    for (let round = 0; round < 1_900; round++) {
      for (const [peer, piece] of requests(fetch, 0)) {
        fetch.receive(peer, answer(MAX_METADATA - Number(peer.slice(5)), piece), 0)
        stored += METADATA_BLOCK
      }
      expect(fetch.heldBytes).toBeLessThanOrEqual(2 * MAX_METADATA)
    }
    expect(stored).toBeGreaterThan(2 * MAX_METADATA)
    for (let i = 1; i <= 4; i++) fetch.removePeer(`liar ${i}`, 0)
    fetch.addPeer('b', MAX_METADATA, 60_000)
    while (!fetch.result) {
      const open = requests(fetch, 60_000)
      expect(open.length).toBeGreaterThan(0)
      for (const [peer, piece] of open) fetch.receive(peer, answer(MAX_METADATA, piece), 60_000)
    }
    expect(fetch.result.length).toBe(MAX_METADATA)
    expect(fetch.heldBytes).toBe(0)
  })
})

describe('serving metadata', () => {
  const request = (piece: number) => encodeMetadataMessage({ type: 'request', piece })
  const answers = (serve: MetadataServe) => {
    const out: string[] = []
    for (let answer = serve.transmit(); answer; answer = serve.transmit()) {
      const message = decodeMetadataMessage(answer)
      out.push(`${message?.type} ${message?.piece}`)
    }
    return out
  }

  it('answers with the blocks', () => {
    const serve = new MetadataServe(info, 0)
    for (let piece = 0; piece < COUNT; piece++) serve.receive(request(piece), 0)
    for (let piece = 0; piece < COUNT; piece++) expect(serve.transmit()).toEqual(data(piece))
    expect(serve.transmit()).toBeUndefined()
  })

  it('rejects what there is not', () => {
    const serve = new MetadataServe(info, 0)
    serve.receive(request(COUNT), 0)
    serve.receive(request(0x7fff_ffff), 0)
    expect(answers(serve)).toEqual([`reject ${COUNT}`, `reject ${0x7fff_ffff}`])
    const without = new MetadataServe(undefined, 0)
    without.receive(request(0), 0)
    expect(answers(without)).toEqual(['reject 0'])
  })

  it.each([
    ['data', data(0)],
    ['a reject', reject(0)],
    ['no message', utf8('le')],
  ])('says nothing to %s', (_name, message) => {
    const serve = new MetadataServe(info, 0)
    expect(serve.receive(message, 0)).toBeUndefined()
    expect(answers(serve)).toEqual([])
  })

  it('rejects and then closes a peer that asks again and again; time forgives', () => {
    const serve = new MetadataServe(info, 0)
    const seen = { data: 0, reject: 0 }
    let code: string | undefined
    const ask = (times: number, now: number) => {
      for (let i = 0; i < times && !code; i++) {
        code = serve.receive(request(i % COUNT), now)
        for (const answer of answers(serve)) seen[answer.split(' ')[0] as 'data' | 'reject']++
      }
    }
    ask(1000, 0)
    expect(code).toBeUndefined()
    expect(seen.data).toBe(2 * COUNT + 64)
    expect(seen.reject).toBe(1000 - seen.data)
    ask(1, 1_000)
    expect(seen.data).toBe(2 * COUNT + 65)
    ask(10_000, 1_000)
    expect(code).toBe('metadata/request-flood')
    expect(seen.reject).toBeLessThan(1100)
  })

  it('serves a peer that asks for everything at once, each block once', () => {
    const serve = new MetadataServe(info, 0)
    for (let i = 0; i < 20; i++) serve.receive(request(i % COUNT), 0)
    expect(answers(serve)).toEqual(['data 0', 'data 1', 'data 2', 'data 3'])
  })
})
