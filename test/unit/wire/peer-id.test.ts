import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromLatin1, toLatin1 } from '../../../src/util/bytes.js'
import { clientName, makePeerId } from '../../../src/wire/peer-id.js'
import { runs } from '../../support/depth.js'
import { seededRandom } from '../../support/random.js'

describe('peer ids', () => {
  it('makes ids of our own', () => {
    const random = seededRandom(1)
    const id = makePeerId(random)
    expect(id.length).toBe(20)
    expect(toLatin1(id)).toMatch(/^-RR0100-/)
    expect(makePeerId(random)).not.toEqual(id)
    expect(clientName(id)).toBe('rarest 0.1.0')
  })

  it.each([
    ['-AZ2060-', 'Azureus 2.0.6'],
    ['-qB4630-', 'qBittorrent 4.6.3'],
    ['-lt0D80-', 'libTorrent 0.13.8'],
    ['-LT2080-', 'libtorrent 2.0.8'],
    ['-TR3000-', 'Transmission 3.0.0'],
    ['-UT355W-', '\u00b5Torrent 3.5.5.32'],
    ['-WW0208-', 'WebTorrent 0.2.0.8'],
    ['-ZZ1234-', 'ZZ 1.2.3.4'],
    ['-S~1200-', 'Shareaza beta 1.2.0'],
    ['S58B-----', 'Shadow 5.8.11'],
    ['T03I-----', 'BitTornado 0.3.18'],
    ['M4-3-6--', 'Mainline 4.3.6'],
    ['M4-20-8-', 'Mainline 4.20.8'],
    ['Q1-10-0-', 'Queen Bee 1.10.0'],
    ['exbc\x00\x38', 'BitComet 0.56'],
    ['exbc\x01\x02LORD', 'BitLord 1.02'],
    ['FUTB\x00\x07', 'BitComet 0.07'],
    ['XBT054d-', 'XBT 0.5.4 debug'],
    ['XBT054--', 'XBT 0.5.4'],
    ['OP123f', 'Opera 123f'],
    ['-ML2.7.2-', 'MLdonkey 2.7.2'],
    ['-BOWA0C-', 'Bits on Wheels A0C'],
    ['AZ2500BT', 'BitTyrant'],
    ['346------', 'TorrenTopia'],
    ['\x00\x03BS', 'BitSpirit 3'],
    ['\x00\x02BS', 'BitSpirit 2'],
    ['\x01\x02RS', 'Rufus 1.2'],
    ['-G3', 'G3'],
    ['FG0180', 'FlashGet 0180'],
    ['AP1.2-', 'AllPeers 1.2'],
  ])('names %j', (prefix, name) => {
    expect(clientName(fromLatin1(prefix.padEnd(20, 'k')))).toBe(name)
  })

  it.each(['', 'k', '-', '--------', 'M4-', 'S-----', '\xff\x00\xff', 'Mx-y-z--'])(
    'knows nothing of %j',
    (prefix) => {
      expect(clientName(fromLatin1(prefix.padEnd(20, '!')))).toBeUndefined()
    },
  )

  it('wants 20 bytes', () => {
    expect(clientName(fromLatin1('-AZ2060-'))).toBeUndefined()
  })

  it('makes text that can be printed of any bytes', () => {
    const starts = ['', '-', '-XX', 'exbc', 'FUTB', '\x00\x03BS', '\x1b\x1bRS', '-ML', 'AP', 'S', 'M4-']
    fc.assert(
      fc.property(
        fc.constantFrom(...starts),
        fc.uint8Array({ minLength: 20, maxLength: 20 }),
        (start, id) => {
          id.set(fromLatin1(start))
          const name = clientName(id)
          if (name !== undefined) expect(name).toMatch(/^[\x20-\x7e\u00b5]{1,40}$/)
        },
      ),
      { numRuns: runs(400) },
    )
  })
})
