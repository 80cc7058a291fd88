/** The torrents of protocol.md 5.1, and the magnet vector of section 8. */
import { describe, expect, it } from 'vitest'
import { type Encodable, encode } from '../../src/bencode/index.js'
import { sha1 } from '../../src/hash/node.js'
import {
  type CreateInput,
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
      version: '1',
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

  const make = async (
    name: string,
    files: readonly (readonly [path: string, contents: Uint8Array])[],
    options: Partial<CreateInput>,
  ): Promise<Metainfo> =>
    parseMetainfo(
      await createMetainfo({
        name,
        createdBy: '',
        files: files.map(([path, contents]) => ({ path: path.split('/'), length: contents.length })),
        read: (file, offset, into) => {
          const [, contents] = files[file] as (typeof files)[number]
          into.set(contents.subarray(offset, offset + into.length))
          return Promise.resolve(into.length)
        },
        ...options,
      }),
    )

  const single = [['single.bin', copies('a', 65537)]] as const
  const several = [
    ['z.bin', copies('z', 65537)],
    ['a.txt', copies('a', 20000)],
    ['empty', new Uint8Array(0)],
    ['a/x', copies('x', 100)],
  ] as const
  it.each([
    [
      'A',
      single,
      'single.bin',
      65536,
      'ca85b48838c92835065dc3c18be7ae4425aa41c0c9d1716abaf42aa793885099',
      '6783d4cdb5a060a3969dbcc2b709efd68a3a66a0',
      '52237c78c25b0ec8044f6987f919910b621bd583fade525422bc7e5c6a964acc',
    ],
    [
      'B',
      single,
      'single.bin',
      16384,
      'ed19519d63b3f4aa50fd26f50c39d15bb0e1cb19d8c2e7bfe6ccaf3cac4834c8',
      '45885c3a860443ffe91b7e4de811d73b565a0d07',
      'e3f5acf6c167b17138c091df35585180a45e8c8b3fb9642b005e33dcce862cf8',
    ],
    [
      'C',
      several,
      'vec',
      32768,
      '9afd0c8cdf91da3718099492dccd681f939902e6d61cbb1dc8c176f20e868a8e',
      '1229028f25a3b9ce15a9aedd746207e1622d3b3f',
      '256ef37801343d5f1459f2f46b1e282cf056ea0c7083bf788c6605485e462a50',
    ],
  ])('%s: v2 alone and hybrid', async (_, files, name, pieceLength, v2, v1, both) => {
    const multiFile = files.length > 1
    const only = await make(name, files, { pieceLength, version: '2', multiFile })
    expect(only).toMatchObject({ version: '2', infoHash: undefined, name, multiFile })
    expect(toHex(only.infoHashV2 as Uint8Array)).toBe(v2)
    const hybrid = await make(name, files, { pieceLength, version: 'hybrid', multiFile })
    expect(hybrid).toMatchObject({ version: 'hybrid', name, multiFile })
    expect(toHex(hybrid.infoHash as Uint8Array)).toBe(v1)
    expect(toHex(hybrid.infoHashV2 as Uint8Array)).toBe(both)
    expect(only.layout.pieceCount).toBe(hybrid.layout.pieceCount)
    expect(only.pieceLayers).toEqual(hybrid.pieceLayers)
  })

  it.each([
    [1, 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'],
    [16384, 'f3336bea752b5a28743033dd2c844a4a63fba08871aaee2586a2bf2d69be83a2'],
    [16385, 'dcdfa5bb8d91b7eb7a69fb556bba6770d3456cbd61ab52f172cb9421a442be79'],
    [32768, '363dae905aefc97b7f8550cb59b232bb1f7685ed85c629b1e6f8553b90ce9b38'],
    [32769, '7e9d905ded0e5ffe35d91855cc97fb7da71cecf51850046a8f8c2076d3fbdf23'],
    [49152, 'b1d9c2de00721cf9e22bb41845283913df76c9e34b0f63a7c2ed961c59178331'],
    [65537, 'cbe670dfa716866e158dcf7a8671595c5c20bff22a4394f9657aa2864f98d7d2'],
    [81920, '3dc5915002950e02c39f3a7457f151fa8eb4e4c214b43d9be6eaef5f863e7210'],
    [131073, '2dadd4a7e6241284ebf7fa52d1e3c5dc5c0d99d9f0377ecc37adf641adcb4810'],
    [1048576, '91fc2bdd4167ba6d6904e02a0efc696e919939102f8315c5743bd6b2bc71e289'],
  ])('root of %i bytes', (length, root) => {
    for (const pieceLength of [16384, 65536, 4194304]) {
      const hasher = new FileHasher(length, pieceLength)
      hasher.update(copies('a', length))
      expect(toHex(hasher.finish().root)).toBe(root)
    }
  })
})
