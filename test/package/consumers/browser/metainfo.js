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

const created = createMetainfo({
  name: 'single.bin',
  files: [{ path: ['single.bin'], length: 65537 }],
  multiFile: false,
  pieceLength: 65536,
  read: async (_, __, into) => {
    into.fill(0x61)
    return into.length
  },
})
export const done = created.then((torrent) => {
  equal(hex(parseMetainfo(torrent).infoHash), infoHash)
  try {
    parseMetainfo(bytes('d4:infod4:name1:a4:name1:bee'))
  } catch (error) {
    equal(error.code, 'bencode/duplicate-key')
    return 'ok'
  }
  return 'a duplicate key was accepted'
})
