/** The torrents of protocol.md 5.1, and the magnet vector of section 8. */
import { describe, expect, it } from 'vitest'
import { type Encodable, encode } from '../../src/bencode/index.js'
import { sha1 } from '../../src/hash/node.js'
import {
  createMetainfo,
  FileHasher,
  type Metainfo,
  magnetOf,
  parseMetainfo,
} from '../../src/metainfo/index.js'
import { concatBytes, fromHex, toHex, toLatin1 } from '../../src/util/bytes.js'

const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) as Uint8Array
const copies = (character: string, count: number): Uint8Array =>
  new Uint8Array(count).fill(character.charCodeAt(0))

function hashes(data: Uint8Array, pieceLength: number): Uint8Array {
  const list: Uint8Array[] = []
  for (let at = 0; at < data.length; at += pieceLength) list.push(sha1(data.subarray(at, at + pieceLength)))
  return concatBytes(...list)
}

function layerOf(data: Uint8Array, pieceLength: number): Uint8Array {
  const hasher = new FileHasher(data.length, pieceLength)
  hasher.update(data)
  return hasher.finish().layer
}

const leaf = (length: number, root: string): Encodable => ({ '': { length, 'pieces root': hex(root) } })

describe('hybrids', () => {
  it.each([
    [
      'A',
      65536,
      '6783d4cdb5a060a3969dbcc2b709efd68a3a66a0',
      '52237c78c25b0ec8044f6987f919910b621bd583fade525422bc7e5c6a964acc',
    ],
    [
      'B',
      16384,
      '45885c3a860443ffe91b7e4de811d73b565a0d07',
      'e3f5acf6c167b17138c091df35585180a45e8c8b3fb9642b005e33dcce862cf8',
    ],
  ])('%s: one file', (_, pieceLength, v1, v2) => {
    const data = copies('a', 65537)
    const root = 'cbe670dfa716866e158dcf7a8671595c5c20bff22a4394f9657aa2864f98d7d2'
    const metainfo = parseMetainfo(
      encode({
        info: {
          'file tree': { 'single.bin': leaf(65537, root) },
          length: 65537,
          'meta version': 2,
          name: 'single.bin',
          'piece length': pieceLength,
          pieces: hashes(data, pieceLength),
        },
        'piece layers': new Map([[toLatin1(hex(root)), layerOf(data, pieceLength)]]),
      }),
    )
    expect(toHex(metainfo.infoHash as Uint8Array)).toBe(v1)
    expect(toHex(metainfo.infoHashV2 as Uint8Array)).toBe(v2)
    expect(metainfo).toMatchObject({ version: 'hybrid', name: 'single.bin', size: 65537, multiFile: false })
    expect(metainfo.pieceLayers.get(root)?.length).toBe(32 * metainfo.pieceCount)
  })

  const metainfo: Metainfo = parseMetainfo(
    encode({
      info: {
        'file tree': {
          a: { x: leaf(100, '09ecb6ebc8bcefc733f6f2ec44f791abeed6a99edf0cc31519637898aebd52d8') },
          'a.txt': leaf(20000, '4e15d8ed29f74ed4b4953e205673b4b46c63f7a717d693a6d27e7e8373354d48'),
          empty: { '': { length: 0 } },
          'z.bin': leaf(65537, '76aaa18e0ad76f82ef165c829cb6932c49e909a12ae9e124b47c68d3962ff7f1'),
        },
        files: [
          { length: 100, path: ['a', 'x'] },
          { attr: 'p', length: 32668, path: ['.pad', '32668'] },
          { length: 20000, path: ['a.txt'] },
          { attr: 'p', length: 12768, path: ['.pad', '12768'] },
          { length: 0, path: ['empty'] },
          { length: 65537, path: ['z.bin'] },
          { attr: 'p', length: 32767, path: ['.pad', '32767'] },
        ],
        'meta version': 2,
        name: 'vec',
        'piece length': 32768,
        pieces: hex(
          `9f5ff680a0d43a6dfbc0937351d0cde58e7242da 28d1d56fa551e55a821c89ad6d77fb2445710d99
          71e38a11a00a289fca0da8022877cabeef7809a1 71e38a11a00a289fca0da8022877cabeef7809a1
          31d18e290cddaf00e172cb5bcb8bfba8904847ea`.replace(/\s/g, ''),
        ),
      },
      'piece layers': new Map([
        [
          toLatin1(hex('76aaa18e0ad76f82ef165c829cb6932c49e909a12ae9e124b47c68d3962ff7f1')),
          hex(
            `d92c73a5783ce6d2facbdb194fb7bc72996521513819e320161fc8550cb318b8
            d92c73a5783ce6d2facbdb194fb7bc72996521513819e320161fc8550cb318b8
            0f6b0c0e56158711d073cec5e0b33398bf728746f2214841e9ac0c44d38e5ba8`.replace(/\s/g, ''),
          ),
        ],
      ]),
    }),
  )

  it('C: pads, hashes and infohash', () => {
    expect(toHex(metainfo.infoHash as Uint8Array)).toBe('1229028f25a3b9ce15a9aedd746207e1622d3b3f')
    expect(toHex(metainfo.infoHashV2 as Uint8Array)).toBe(
      '256ef37801343d5f1459f2f46b1e282cf056ea0c7083bf788c6605485e462a50',
    )
    expect(metainfo.size).toBe(85637)
    expect(metainfo.layout.size).toBe(5 * 32768)
    expect(metainfo.files.filter((file) => !file.pad).map((file) => file.path.join('/'))).toEqual([
      'a/x',
      'a.txt',
      'empty',
      'z.bin',
    ])
    const data = concatBytes(
      copies('x', 100),
      new Uint8Array(32668),
      copies('a', 20000),
      new Uint8Array(12768),
      copies('z', 65537),
      new Uint8Array(32767),
    )
    expect(toHex(metainfo.pieces)).toBe(toHex(hashes(data, 32768)))
    expect(metainfo.layout.slices(0, 0, 32768)).toEqual([
      { file: 0, offset: 0, length: 100 },
      { file: 1, offset: 0, length: 32668 },
    ])
  })

  it('C: magnet link', () => {
    expect(magnetOf(metainfo)).toMatch(/^magnet:\?xt=urn:btih:1229028f25a3b9ce15a9aedd746207e1622d3b3f&/)
    expect(magnetOf(metainfo)).toContain(
      'xt=urn:btmh:1220256ef37801343d5f1459f2f46b1e282cf056ea0c7083bf788c6605485e462a50',
    )
  })
})

describe('createMetainfo', () => {
  // Infohash by libtorrent 2.0.8 of the same info dictionary.
  it('orders folders before files that sort behind their name', async () => {
    const contents = [copies('a', 20000), copies('x', 100), copies('z', 65537), new Uint8Array(0)]
    const bytes = await createMetainfo({
      name: 'vec',
      pieceLength: 32768,
      createdBy: '',
      files: [['a.txt'], ['a', 'x'], ['z.bin'], ['empty']].map((path, i) => ({
        path,
        length: (contents[i] as Uint8Array).length,
      })),
      read: (file, offset, into) => {
        into.set((contents[file] as Uint8Array).subarray(offset, offset + into.length))
        return Promise.resolve(into.length)
      },
    })
    const created = parseMetainfo(bytes)
    expect(created.files.map((file) => file.path.join('/'))).toEqual(['a/x', 'a.txt', 'empty', 'z.bin'])
    expect(toHex(created.infoHash as Uint8Array)).toBe('a0e9bb191561a659f091444b7dd82f6c26a13e2f')
  })
})
