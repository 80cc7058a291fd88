import { describe, expect, it } from 'vitest'
import {
  decodeKrpc,
  encodeQuery,
  encodeReply,
  type KrpcReply,
  nodesOf,
} from '../../../../src/dht/krpc/krpc.js'
import { fromLatin1, toLatin1, utf8 } from '../../../../src/util/bytes.js'

const ID = 'abcdefghij0123456789'
const TARGET = 'mnopqrstuvwxyz123456'
const read = (text: string) => decodeKrpc(fromLatin1(text))
const codeOf = (text: string) => {
  const decoded = read(text)
  return decoded.ok ? decoded.value.type : decoded.error.code
}

describe('what is no message', () => {
  it.each([
    ['', 'dht/malformed'],
    ['le', 'dht/malformed'],
    ['d', 'dht/malformed'],
    ['d1:t2:aa', 'dht/malformed'],
    ['d1:t9:aae', 'dht/malformed'],
    ['d1:t99999999999999999999:aae', 'dht/malformed'],
    ['d1:y1:q1:t2:aai1ee', 'dht/malformed'],
    ['d1:ti1e1:y1:qe', 'dht/no-transaction'],
    ['d1:y1:qe', 'dht/no-transaction'],
    ['d1:t0:1:y1:qe', 'dht/no-transaction'],
    [`d1:t65:${'a'.repeat(65)}1:y1:qe`, 'dht/no-transaction'],
    ['d1:t2:aae', 'dht/unknown-kind'],
    ['d1:t2:aa1:y1:xe', 'dht/unknown-kind'],
    ['d1:t2:aa1:yi1ee', 'dht/unknown-kind'],
    ['d1:t2:aa1:y1:re', 'dht/bad-reply'],
    ['d1:rde1:t2:aa1:y1:re', 'dht/bad-reply'],
    ['d1:rd2:id19:abcdefghij012345678e1:t2:aa1:y1:re', 'dht/bad-reply'],
    [`d1:a${'l'.repeat(900)}`, 'dht/malformed'],
  ])('%s', (text, code) => {
    expect(codeOf(text)).toBe(code)
  })

  it('nesting as deep as a datagram allows is walked over', () => {
    expect(codeOf(`d1:ad2:id20:${ID}1:x${'l'.repeat(2000)}${'e'.repeat(2000)}e1:q4:ping1:t2:aa1:y1:qe`)).toBe(
      'query',
    )
  })
})

describe('queries that deserve error 203', () => {
  it.each([
    ['d1:t2:aa1:y1:qe', 'method'],
    ['d1:q4:ping1:t2:aa1:y1:qe', 'arguments'],
    ['d1:ale1:q4:ping1:t2:aa1:y1:qe', 'arguments'],
    ['d1:ade1:q4:ping1:t2:aa1:y1:qe', 'id'],
    ['d1:ad2:id3:abce1:q4:ping1:t2:aa1:y1:qe', 'id'],
    ['d1:ad2:idi1ee1:q4:ping1:t2:aa1:y1:qe', 'id'],
    [`d1:ad2:id20:${ID}e1:q9:find_node1:t2:aa1:y1:qe`, 'target'],
    [`d1:ad2:id20:${ID}6:target3:abce1:q3:get1:t2:aa1:y1:qe`, 'target'],
    [`d1:ad2:id20:${ID}e1:q9:get_peers1:t2:aa1:y1:qe`, 'info_hash'],
    [`d1:ad2:id20:${ID}9:info_hash20:${TARGET}4:porti1ee1:q13:announce_peer1:t2:aa1:y1:qe`, 'token'],
    [`d1:ad2:id20:${ID}9:info_hash20:${TARGET}4:porti0e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe`, 'port'],
    [
      `d1:ad2:id20:${ID}9:info_hash20:${TARGET}4:porti-1e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe`,
      'port',
    ],
    [
      `d1:ad2:id20:${ID}9:info_hash20:${TARGET}4:porti65536e5:token1:xe1:q13:announce_peer1:t2:aa1:y1:qe`,
      'port',
    ],
    [`d1:ad2:id20:${ID}5:token1:xe1:q3:put1:t2:aa1:y1:qe`, 'value'],
  ])('%s', (text, about) => {
    const decoded = read(text)
    expect(decoded).toMatchObject({ ok: true, value: { type: 'bad-query', code: 203 } })
    expect(JSON.stringify(decoded)).toContain(about)
  })
})

describe('tolerance', () => {
  it('keys in any order, unknown ones, bytes behind', () => {
    const text = `d1:y1:q1:zi0e1:t2:aa1:q4:ping1:ad4:nonel1:a1:be2:id20:${ID}ee\0\0`
    expect(read(text)).toMatchObject({ ok: true, value: { type: 'query', method: 'ping', id: utf8(ID) } })
  })

  it('an unknown method leads on towards its target', () => {
    const text = (key: string) => `d1:ad2:id20:${ID}${key}20:${TARGET}e1:q4:vote1:t2:aa1:y1:qe`
    expect(read(text('6:target'))).toMatchObject({ value: { method: 'unknown', target: utf8(TARGET) } })
    expect(read(text('9:info_hash'))).toMatchObject({ value: { method: 'unknown', target: utf8(TARGET) } })
    expect(read(text('4:what'))).toMatchObject({ value: { method: 'unknown', target: undefined } })
  })

  it('errors in odd shapes have a code and printable text', () => {
    expect(read('d1:e3:why1:t2:aa1:y1:ee')).toMatchObject({ value: { code: 201, message: '' } })
    expect(read('d1:el4:why\x07e1:t2:aa1:y1:ee')).toMatchObject({ value: { code: 201, message: 'why?' } })
    expect(read('d1:eli302e2:noi4ee1:t2:aa1:y1:ee')).toMatchObject({ value: { code: 302, message: 'no' } })
    expect(read('d1:t2:aa1:y1:ee')).toMatchObject({ value: { code: 201 } })
  })

  it('numbers of 64 bits are exact, longer ones are malformed', () => {
    const text = (seq: string) => `d1:rd2:id20:${ID}3:seqi${seq}ee1:t2:aa1:y1:re`
    expect(read(text('9223372036854775807'))).toMatchObject({ value: { seq: 2n ** 63n - 1n } })
    expect(read(text('-5'))).toMatchObject({ value: { seq: -5n } })
    expect(codeOf(text('123456789012345678901'))).toBe('dht/malformed')
  })

  it('fields of a wrong type or size count as absent', () => {
    const text = `d2:ip5:abcde1:rd4:BFsd3:abc2:id20:${ID}8:intervali99999e1:k3:abc5:nodesi1e7:samples3:abc3:sig3:abc5:token0:6:valuesl3:abci1e6:abcdefee1:t2:aa1:y1:re`
    const decoded = read(text)
    expect(decoded.ok && Object.entries(decoded.value).filter(([, value]) => value !== undefined)).toEqual([
      ['type', 'reply'],
      ['transactionId', utf8('aa')],
      ['id', utf8(ID)],
      ['values', [utf8('abcdef')]],
      ['interval', 21_600],
    ])
  })

  it('the value of an item is the bytes that came, canonical or not', () => {
    const value = 'd1:bi03e1:a0:e'
    expect(read(`d1:rd2:id20:${ID}1:v${value}e1:t2:aa1:y1:re`)).toMatchObject({ value: { v: utf8(value) } })
  })
})

describe('the cap of 1,024 bytes', () => {
  const base: KrpcReply = { type: 'reply', transactionId: utf8('aa'), id: utf8(ID), token: utf8('tokn') }
  const peers = (count: number, width: number) =>
    Array.from({ length: count }, (_, i) => new Uint8Array(width).fill(i))

  it.each([6, 18])('values of %i bytes are cut, nodes are kept', (width) => {
    const nodes = new Uint8Array(208)
    const nodes6 = new Uint8Array(304)
    const bytes = encodeReply({ ...base, nodes, nodes6, values: peers(200, width) })
    expect(bytes.length).toBeLessThanOrEqual(1024)
    expect(bytes.length).toBeGreaterThan(1024 - width - 16)
    const decoded = decodeKrpc(bytes)
    expect(decoded).toMatchObject({ ok: true, value: { nodes, nodes6 } })
  })

  it('samples stay whole infohashes', () => {
    const bytes = encodeReply({
      ...base,
      samples: new Uint8Array(2000),
      num: 100,
      interval: 60,
      nodes: new Uint8Array(208),
    })
    expect(bytes.length).toBeLessThanOrEqual(1024)
    const decoded = decodeKrpc(bytes)
    expect(decoded.ok && decoded.value.type === 'reply' && decoded.value.samples?.length).toBeGreaterThan(500)
  })

  it('nodes go before an item does', () => {
    const bytes = encodeReply({
      ...base,
      nodes: new Uint8Array(208),
      nodes6: new Uint8Array(304),
      v: utf8(`800:${'x'.repeat(800)}`),
    })
    expect(bytes.length).toBeLessThanOrEqual(1024)
    const decoded = decodeKrpc(bytes)
    expect(decoded.ok && decoded.value.type === 'reply' && decoded.value.v?.length).toBe(804)
  })

  it('a smaller limit is kept too', () => {
    const bytes = encodeReply({ ...base, nodes: new Uint8Array(208), values: peers(50, 6) }, 380)
    expect(bytes.length).toBeLessThanOrEqual(380)
  })
})

it('messages do not share memory that is written again', () => {
  const query = {
    type: 'query',
    method: 'ping',
    transactionId: utf8('aa'),
    id: utf8(ID),
    readOnly: true,
  } as const
  const first = encodeQuery(query)
  const text = toLatin1(first)
  for (let i = 0; i < 2000; i++) encodeQuery({ ...query, transactionId: utf8('bb') })
  expect(toLatin1(first)).toBe(text)
  expect(text).toContain('2:roi1e')
})

it('nodes of a compact list', () => {
  const list = fromLatin1(`${ID}\x01\x02\x03\x04\x1a\xe1`)
  expect(nodesOf(list, 4)).toEqual([{ id: utf8(ID), address: { host: '1.2.3.4', port: 6881 } }])
  expect(nodesOf(list.subarray(1), 4)).toEqual([])
})
