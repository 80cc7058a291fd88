import { describe, expect, it } from 'vitest'
import { encode } from '../../../src/bencode/index.js'
import { encodePex, PEX_INTERVAL, PexReceiver } from '../../../src/pex/index.js'
import type { Address } from '../../../src/util/address.js'
import { reachOf } from '../../../src/util/locality.js'

const address = (text: string): Address => {
  const cut = text.lastIndexOf(':')
  return { host: text.slice(0, cut), port: Number(text.slice(cut + 1)) }
}
const message = (...added: string[]) =>
  encodePex({ added: added.map((text) => ({ address: address(text), flags: 0 })), dropped: [] })
const isOurs = ({ host, port }: Address) => host === '9.9.9.9' && port === 6881

function taken(sender: string, ...added: string[]): string[] {
  const outcome = new PexReceiver(sender).receive(message(...added), isOurs, 0)
  if (outcome.type !== 'peers') throw new Error(outcome.code)
  return outcome.added.map(({ address }) => `${address.host}:${address.port}`)
}

describe('how far an address reaches', () => {
  it.each([
    ['127.0.0.1', 'machine'],
    ['127.8.9.1', 'machine'],
    ['::1', 'machine'],
    ['10.1.2.3', 'network'],
    ['172.16.0.1', 'network'],
    ['172.31.0.1', 'network'],
    ['172.32.0.1', 'world'],
    ['192.168.1.1', 'network'],
    ['192.169.1.1', 'world'],
    ['169.254.0.1', 'network'],
    ['fe80::1', 'network'],
    ['fd00::1', 'network'],
    ['2001:db8::1', 'world'],
    ['::2', 'world'],
    ['8.8.8.8', 'world'],
    ['example.org', undefined],
  ])('%s: %s', (host, reach) => {
    expect(reachOf(host)).toBe(reach)
  })
})

describe('what is believed of a peer', () => {
  it.each([
    ['addresses of the internet', '8.8.8.8', ['1.1.1.1:1', '2001:db8::1:2'], ['1.1.1.1:1', '2001:db8::1:2']],
    [
      'nothing about our networks from outside',
      '8.8.8.8',
      ['10.0.0.1:1', '127.0.0.1:1', 'fe80::1:1', '::1:1'],
      [],
    ],
    [
      'networks, not this machine, from a neighbour',
      '10.0.0.9',
      ['10.0.0.1:1', '127.0.0.1:1', '1.1.1.1:1'],
      ['10.0.0.1:1', '1.1.1.1:1'],
    ],
    [
      'everything from this machine',
      '127.0.0.1',
      ['10.0.0.1:1', '127.0.0.1:1', '127.0.0.1:2'],
      ['10.0.0.1:1', '127.0.0.1:1', '127.0.0.1:2'],
    ],
    ['not ourselves', '8.8.8.8', ['9.9.9.9:6881', '9.9.9.8:6881'], ['9.9.9.8:6881']],
    ['one port of a host', '8.8.8.8', ['1.1.1.1:1', '1.1.1.1:2', '1.1.1.1:3'], ['1.1.1.1:1']],
    ['no multicast, no port 0', '8.8.8.8', ['224.1.1.1:1', '255.255.255.255:1', '1.1.1.1:0'], []],
  ])('%s', (_name, sender, told, believed) => {
    expect(taken(sender, ...told)).toEqual(believed)
  })

  it('takes a bounded number at once, and remembers a bounded number', () => {
    const receiver = new PexReceiver('8.8.8.8')
    for (let round = 0; round < 5; round++) {
      const many = Array.from({ length: 2000 }, (_, i) => `1.${round}.${i >> 8}.${i & 255}:1`)
      const outcome = receiver.receive(message(...many), isOurs, round * PEX_INTERVAL)
      expect(outcome.type === 'peers' && outcome.added.length).toBe(100)
    }
    expect(receiver.peers.size).toBe(200)
  })

  it('forgets what is dropped', () => {
    const receiver = new PexReceiver('8.8.8.8')
    receiver.receive(message('1.1.1.1:1', '1.1.1.2:1'), isOurs, 0)
    const dropped = [address('1.1.1.1:1'), address('3.3.3.3:3')]
    receiver.receive(encodePex({ added: [], dropped }), isOurs, PEX_INTERVAL)
    expect([...receiver.peers.keys()]).toEqual(['1.1.1.2:1'])
  })

  it('ignores what comes too often, and closes at the seventh in a minute', () => {
    const receiver = new PexReceiver('8.8.8.8')
    const outcomes = Array.from({ length: 7 }, (_, i) =>
      receiver.receive(message(`1.1.1.${i}:1`), isOurs, i * 1_000),
    )
    expect(outcomes.map((outcome) => (outcome.type === 'peers' ? 'peers' : outcome.code))).toEqual([
      'peers',
      ...Array.from({ length: 5 }, () => 'pex/too-frequent'),
      'pex/flood',
    ])
    expect(outcomes[6]?.type).toBe('close')
  })

  it.each([45_000, PEX_INTERVAL])('reads a message every %s ms', (interval) => {
    const receiver = new PexReceiver('8.8.8.8')
    for (let i = 0; i < 50; i++) {
      expect(receiver.receive(message('1.1.1.1:1'), isOurs, i * interval).type).toBe('peers')
    }
  })

  it('ignores what is no message, and closes at the fifth', () => {
    const receiver = new PexReceiver('8.8.8.8')
    const types = Array.from({ length: 5 }, (_, i) => {
      const outcome = receiver.receive(encode({ added: new Uint8Array(5) }), isOurs, i * PEX_INTERVAL)
      return outcome.type === 'peers' ? '' : `${outcome.type} ${outcome.code}`
    })
    expect(types).toEqual([
      ...Array.from({ length: 4 }, () => 'ignored pex/bad-length'),
      'close pex/bad-length',
    ])
  })
})
