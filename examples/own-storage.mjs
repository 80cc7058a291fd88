// @ts-check
// Keeps torrents somewhere else than in files: here in a store of numbered blocks, as a database or a
// bucket has them. The conformance suite says whether a back end does what torrents need.
// Run: node examples/own-storage.mjs

import { randomBytes } from 'node:crypto'
import { Session } from 'rarest'
import { createMetainfo } from 'rarest/metainfo'
import { storageConformance } from 'rarest/storage'

/** @import { StorageBackend, StorageFile } from 'rarest' */

const BLOCK = 65_536

/**
 * The place where the bytes end up; in earnest it would be asynchronous and remote.
 *
 * @typedef {Map<string, { length: number, blocks: Map<number, Uint8Array> }>} Bucket
 */

/** @implements {StorageBackend} */
class BucketStorage {
  /** @type {Bucket} */
  #bucket
  /** @type {readonly string[]} */
  #keys = []

  /** @param {Bucket} bucket */
  constructor(bucket) {
    this.#bucket = bucket
  }

  /** @param {readonly StorageFile[]} files */
  async open(files) {
    this.#keys = files.map(({ path }) => path.join('/'))
  }

  /**
   * @param {number} file
   * @param {number} offset
   * @param {Uint8Array} into
   */
  async read(file, offset, into) {
    const { length, blocks } = this.#object(file) ?? { length: 0, blocks: new Map() }
    const bytes = Math.max(0, Math.min(into.length, length - offset))
    for (let at = 0; at < bytes; ) {
      const from = (offset + at) % BLOCK
      const step = Math.min(BLOCK - from, bytes - at)
      const block = blocks.get(Math.floor((offset + at) / BLOCK))
      if (block) into.set(block.subarray(from, from + step), at)
      else into.fill(0, at, at + step)
      at += step
    }
    return bytes
  }

  /**
   * @param {number} file
   * @param {number} offset
   * @param {readonly Uint8Array[]} chunks
   */
  async write(file, offset, chunks) {
    const object = this.#make(file)
    let position = offset
    for (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        const index = Math.floor(position / BLOCK)
        const block = object.blocks.get(index) ?? new Uint8Array(BLOCK)
        const part = chunk.subarray(at, at + BLOCK - (position % BLOCK))
        block.set(part, position % BLOCK)
        object.blocks.set(index, block)
        at += part.length
        position += part.length
      }
    }
    object.length = Math.max(object.length, position)
  }

  /** @param {number} file */
  async status(file) {
    return { length: this.#object(file)?.length ?? -1 }
  }

  /** @param {number} file */
  async create(file) {
    this.#make(file)
  }

  /** @param {number} file */
  async remove(file) {
    this.#bucket.delete(this.#key(file))
  }

  async flush() {}

  async destroy() {
    for (const key of this.#keys) this.#bucket.delete(key)
  }

  async close() {}

  /** @param {number} file */
  #key(file) {
    return this.#keys[file] ?? ''
  }

  /** @param {number} file */
  #object(file) {
    return this.#bucket.get(this.#key(file))
  }

  /** @param {number} file */
  #make(file) {
    const object = this.#object(file) ?? { length: 0, blocks: new Map() }
    this.#bucket.set(this.#key(file), object)
    return object
  }
}

for (const { name, run } of storageConformance) {
  /** @type {Bucket} */
  let bucket = new Map()
  await run((which) => {
    if (which === 'fresh') bucket = new Map()
    return new BucketStorage(bucket)
  })
  console.log(`ok: ${name}`)
}

// A transfer from one bucket to another. The part of `createTorrent` that knows no files does the hashing.
const data = randomBytes(1_000_000)
const bytes = await createMetainfo({
  name: 'sample',
  files: [{ path: ['data'], length: data.length }],
  read: async (_file, offset, into) => {
    into.set(data.subarray(offset, offset + into.length))
    return into.length
  },
})
/** @type {Bucket} */
const theirs = new Map()
/** @type {Bucket} */
const ours = new Map()
const origin = new BucketStorage(theirs)
await origin.open([{ path: ['sample', 'data'], length: data.length }])
await origin.write(0, 0, [data])

const seeder = new Session({ host: '127.0.0.1', storage: () => origin })
const leecher = new Session({ host: '127.0.0.1', storage: () => new BucketStorage(ours) })
try {
  await seeder.add(bytes)
  const torrent = await leecher.add(bytes, { peers: [`127.0.0.1:${await seeder.ready}`] })
  await torrent.done
  console.log(
    `moved ${ours.get('sample/data')?.length} bytes, ${torrent.stats.verifiedPieces} pieces verified`,
  )
} finally {
  await leecher.close()
  await seeder.close()
}
