/** Vectors of BEP 5 (packets), 42 (node ids) and 32. */
import { describe, expect, it } from 'vitest'
import {
  decodeKrpc,
  encodeError,
  encodeQuery,
  encodeReply,
  type KrpcError,
  type KrpcMessage,
  type KrpcQuery,
  type KrpcReply,
} from '../../src/dht/krpc/krpc.js'
import { isEntitled, makeNodeId } from '../../src/dht/table/node-id.js'
import { ipToBytes } from '../../src/util/address.js'
import { fromHex, toLatin1, utf8 } from '../../src/util/bytes.js'
import { crc32c } from '../../src/util/crc32c.js'
import { seededRandom } from '../support/random.js'

const id = utf8('abcdefghij0123456789')
const other = utf8('mnopqrstuvwxyz123456')
const transactionId = utf8('aa')
const query = { type: 'query', transactionId, id, readOnly: false } as const
const reply = { type: 'reply', transactionId, id: other } as const

/** Undefined fields say nothing. */
const said = (message: KrpcMessage) =>
  Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined))

const read = (text: string) => {
  const decoded = decodeKrpc(utf8(text))
  if (!decoded.ok) throw decoded.error
  return said(decoded.value)
}

describe('packets of BEP 5, both ways', () => {
  const queries: [string, KrpcQuery][] = [
    ['d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe', { ...query, method: 'ping' }],
    [
      'd1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe',
      { ...query, method: 'find_node', target: other },
    ],
    [
      'd1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers1:t2:aa1:y1:qe',
      { ...query, method: 'get_peers', infoHash: other, noSeed: false, scrape: false },
    ],
    [
      'd1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe',
      {
        ...query,
        method: 'announce_peer',
        infoHash: other,
        port: 6881,
        impliedPort: true,
        seed: false,
        token: utf8('aoeusnth'),
      },
    ],
  ]
  it.each(queries)('%s', (text, message) => {
    expect(toLatin1(encodeQuery(message))).toBe(text)
    expect(read(text)).toEqual(message)
  })

  const replies: [string, KrpcReply][] = [
    ['d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re', reply],
    [
      'd1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re',
      { ...reply, id, token: utf8('aoeusnth'), values: [utf8('axje.u'), utf8('idhtnm')] },
    ],
  ]
  it.each(replies)('%s', (text, message) => {
    expect(toLatin1(encodeReply(message))).toBe(text)
    expect(read(text)).toEqual(message)
  })

  it('an error', () => {
    const text = 'd1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee'
    const error: KrpcError = { type: 'error', transactionId, code: 201, message: 'A Generic Error Ocurred' }
    expect(toLatin1(encodeError(error))).toBe(text)
    expect(read(text)).toEqual(error)
  })

  it('node lists whose length is no multiple of 26 count as absent: the BEP shows 9 bytes', () => {
    expect(read('d1:rd2:id20:0123456789abcdefghij5:nodes9:def456...e1:t2:aa1:y1:re')).toEqual({
      ...reply,
      id: utf8('0123456789abcdefghij'),
    })
    expect(
      read('d1:rd2:id20:abcdefghij01234567895:nodes9:def456...5:token8:aoeusnthe1:t2:aa1:y1:re'),
    ).toEqual({ ...reply, id, token: utf8('aoeusnth') })
  })
})

it('BEP 32: wanted families and IPv6 nodes', () => {
  const text =
    'd1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz1234564:wantl2:n42:n6ee1:q9:find_node1:t2:aa1:y1:qe'
  const message: KrpcQuery = { ...query, method: 'find_node', target: other, want: [4, 6] }
  expect(toLatin1(encodeQuery(message))).toBe(text)
  expect(read(text)).toEqual(message)
  expect(read(text.replace('l2:n42:n6e', 'l2:n63:xyze'))).toEqual({ ...message, want: [6] })
  const nodes6 = utf8('mnopqrstuvwxyz12345601234567890123456p')
  expect(nodes6).toHaveLength(38)
  const sent = encodeReply({ ...reply, nodes6 })
  expect(toLatin1(sent)).toBe(`d1:rd2:id20:mnopqrstuvwxyz1234566:nodes638:${toLatin1(nodes6)}e1:t2:aa1:y1:re`)
  expect(read(toLatin1(sent))).toEqual({ ...reply, nodes6 })
})

describe('node ids of BEP 42', () => {
  it('CRC32C, not the CRC of zip files', () => {
    expect(crc32c(utf8('123456789'))).toBe(0xe306_9283)
  })

  const vectors = [
    ['124.31.75.21', 1, '5fbfbff10c5d6a4ec8a88e4c6ab4c28b95eee401'],
    ['21.75.31.124', 86, '5a3ce9c14e7a08645677bbd1cfe7d8f956d53256'],
    ['65.23.51.170', 22, 'a5d43220bc8f112a3d426c84764f8c2a1150e616'],
    ['84.124.73.14', 65, '1b0321dd1bb1fe518101ceef99462b947a01ff41'],
    ['43.213.53.83', 90, 'e56f6cbf5b7c4be0237986d5243b87aa6d51305a'],
  ] as const
  it.each(vectors)('%s with %i entitles to %s', (host, rand, hex) => {
    const ip = ipToBytes(host) as Uint8Array
    const vector = fromHex(hex) as Uint8Array
    expect(isEntitled(vector, ip)).toBe(true)
    expect(isEntitled(vector, ipToBytes('8.8.8.8') as Uint8Array)).toBe(false)
    // Each of the 21 bits counts; those after them do not.
    for (let bit = 0; bit < 24; bit++) {
      const bent = vector.slice()
      bent[bit >> 3] = (bent[bit >> 3] as number) ^ (0x80 >> (bit & 7))
      expect(isEntitled(bent, ip)).toBe(bit >= 21)
    }
    const made = makeNodeId(ip, { ...seededRandom(1), bytes: (n) => new Uint8Array(n).fill(rand) })
    expect(made.subarray(0, 2)).toEqual(vector.subarray(0, 2))
    expect((made[2] as number) & 0xf8).toBe((vector[2] as number) & 0xf8)
    expect(made[19]).toBe(rand)
  })

  it('IPv6: the upper 64 bits', () => {
    const cases = [
      ['2001:db8:100:0:d5c8:db3f:995e:c0f7', 1, 0xaccc_069c],
      ['2a02:1234:5678:9abc::1', 5, 0xa0b2_a24e],
    ] as const
    for (const [host, rand, crc] of cases) {
      const ip = ipToBytes(host) as Uint8Array
      const made = makeNodeId(ip, { ...seededRandom(1), bytes: (n) => new Uint8Array(n).fill(rand) })
      expect(made[0]).toBe(crc >>> 24)
      expect(made[1]).toBe((crc >>> 16) & 0xff)
      expect((made[2] as number) >> 3).toBe((crc >>> 11) & 0x1f)
      expect(isEntitled(made, ip)).toBe(true)
      // A host with the /64 has the id.
      expect(
        isEntitled(
          made,
          Uint8Array.from(ip, (byte, i) => (i < 8 ? byte : 7)),
        ),
      ).toBe(true)
    }
  })

  it.each(['10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.1.1', '127.0.0.1'])('%s is exempt', (host) => {
    expect(isEntitled(id, ipToBytes(host) as Uint8Array)).toBe(true)
  })
})
