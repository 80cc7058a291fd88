import { describe, expect, it } from 'vitest'
import { encode, type Encodable } from '../../../src/bencode/index.js'
import { parseMetainfo, tryParseMetainfo } from '../../../src/metainfo/index.js'
import { sha1 } from '../../../src/hash/node.js'
import { concatBytes, fromUtf8, toHex, utf8 } from '../../../src/util/bytes.js'

type Fields = { [key: string]: Encodable | undefined }

const HASH = new Uint8Array(20).fill(7)

/** A single-file torrent of three bytes, with keys of `info` and of the root changed or (undefined) left out. */
function torrent(info: Fields = {}, root: Fields = {}): Uint8Array {
  return encode({ info: { length: 3, name: 'a', 'piece length': 16384, pieces: HASH, ...info }, ...root })
}

/** A multi-file torrent of one piece; each file is three bytes long unless it says otherwise. */
function multi(files: readonly Fields[], info: Fields = {}): Uint8Array {
  return torrent({ length: undefined, files: files.map((file) => ({ length: 3, ...file })), ...info })
}

function paths(...list: readonly (readonly Encodable[])[]): Uint8Array {
  return multi(list.map((path) => ({ path })))
}

function code(bytes: Uint8Array): string | undefined {
  const result = tryParseMetainfo(bytes)
  return result.ok ? undefined : result.error.code
}

describe('parseMetainfo', () => {
  it('reads a single-file torrent with every key', () => {
    const bytes = torrent(
      { private: 1, source: 'here', attr: 'xh', sha1: HASH, md5sum: 'abc', 'update-url': 'http://u/' },
      {
        announce: 'http://t/announce',
        'announce-list': [['http://t/announce', 'udp://b:80'], ['wss://c/']],
        comment: 'words',
        'created by': 'maker',
        'creation date': 12,
        encoding: 'UTF-8',
        'url-list': 'http://w/a',
        httpseeds: ['http://h/'],
        nodes: [['1.2.3.4', 80], ['::1', 81], ['name', 0], ['bad']],
        similar: [HASH, new Uint8Array(3)],
        collections: ['group'],
      },
    )
    const metainfo = parseMetainfo(bytes)
    expect(metainfo).toMatchObject({
      version: '1',
      name: 'a',
      multiFile: false,
      pieceLength: 16384,
      pieceCount: 1,
      size: 3,
      private: true,
      source: 'here',
      comment: 'words',
      createdBy: 'maker',
      creationDate: 12,
      encoding: 'UTF-8',
      announce: 'http://t/announce',
      trackers: [['http://t/announce', 'udp://b:80'], ['wss://c/']],
      webSeeds: ['http://w/a'],
      httpSeeds: ['http://h/'],
      nodes: [
        { host: '1.2.3.4', port: 80 },
        { host: '::1', port: 81 },
      ],
      similar: [HASH],
      collections: ['group'],
      updateUrl: 'http://u/',
    })
    expect(metainfo.files).toMatchObject([
      { path: ['a'], length: 3, offset: 0, pad: false, executable: true, hidden: true, sha1: HASH, md5sum: 'abc' },
    ])
    expect(toHex(metainfo.infoHash as Uint8Array)).toBe(toHex(sha1(metainfo.infoBytes)))
    expect(metainfo.bytes).toBe(bytes)
  })

  it('needs no more than info', () => {
    const metainfo = parseMetainfo(torrent({ name: undefined }))
    expect(metainfo).toMatchObject({ private: false, trackers: [], webSeeds: [], nodes: [], similar: [] })
    expect(metainfo.name).toBe(toHex(metainfo.infoHash as Uint8Array))
    expect(metainfo.comment).toBeUndefined()
  })
})
