import { encode } from 'rarest/bencode'
import { createMetainfo, parseMetainfo } from 'rarest/metainfo'
import { bytes, equal, hex } from './assert.js'

/** 65,537 bytes of `a` in two pieces; hashes computed apart from this library. */
const pieces = '79db5888b5d38e10afbdbd14a19cd1caa9044c6586f7e437faa5a7fce15d1ddcb9eaeaea377667b8'
const infoHash = '31280369b573d3342c3d21d3830a4618409d7bc2'

const info = {
  length: 65537,
  name: 'single.bin',
  'piece length': 65536,
  pieces: Uint8Array.from(pieces.match(/../g), (byte) => Number.parseInt(byte, 16)),
}
const parsed = parseMetainfo(encode({ info }))
equal(hex(parsed.infoHash), infoHash)
equal(parsed.size, 65537)

const create = async (version) => {
  const torrent = await createMetainfo({
    name: 'single.bin',
    version,
    files: [{ path: ['single.bin'], length: 65537 }],
    multiFile: false,
    pieceLength: 65536,
    read: async (_, __, into) => {
      into.fill(0x61)
      return into.length
    },
  })
  return parseMetainfo(torrent)
}

/** Vector A of the v2 torrents: the same file as v1, v2 and hybrid. */
const v2 = 'ca85b48838c92835065dc3c18be7ae4425aa41c0c9d1716abaf42aa793885099'
const hybrid = [
  '6783d4cdb5a060a3969dbcc2b709efd68a3a66a0',
  '52237c78c25b0ec8044f6987f919910b621bd583fade525422bc7e5c6a964acc',
]

export const done = Promise.all([create('1'), create('2'), create('hybrid')]).then(([one, two, both]) => {
  equal(hex(one.infoHash), infoHash)
  equal(hex(two.infoHashV2), v2)
  equal(hex(both.infoHash), hybrid[0])
  equal(hex(both.infoHashV2), hybrid[1])
  try {
    parseMetainfo(bytes('d4:infod4:name1:a4:name1:bee'))
  } catch (error) {
    equal(error.code, 'bencode/duplicate-key')
    return 'ok'
  }
  return 'a duplicate key was accepted'
})
