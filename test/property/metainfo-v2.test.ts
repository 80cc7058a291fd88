import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type CreateInput,
  createMetainfo,
  parseMetainfo,
  tryParseMetainfo,
} from '../../src/metainfo/index.js'
import { concatBytes, toHex, utf8 } from '../../src/util/bytes.js'
import { runs } from '../support/depth.js'

const KIB = 1024
const PIECE = 32 * KIB

interface Given {
  readonly path: readonly (string | Uint8Array)[]
  readonly contents: Uint8Array
}

const name = fc.oneof(
  fc.constantFrom<string | Uint8Array>('a', 'b', 'a.txt', 'A', 'é', 'con', 'a:b', '.hidden', 'x '),
  fc.constant(Uint8Array.of(0x66, 0xff, 0xe9)),
  fc.string({ minLength: 1, maxLength: 6 }).filter((text) => !/^\.{1,2}$|[/\\\0]|^[a-z]:/i.test(text)),
)
const size = fc.oneof(
  fc.constantFrom(
    0,
    1,
    16 * KIB - 1,
    16 * KIB,
    16 * KIB + 1,
    PIECE - 1,
    PIECE,
    PIECE + 1,
    2 * PIECE,
    3 * PIECE + 5,
  ),
  fc.nat(100_000),
)
const file: fc.Arbitrary<Given> = fc
  .record({ path: fc.array(name, { minLength: 1, maxLength: 3 }), size, seed: fc.nat(255) })
  .map(({ path, size: length, seed }) => ({
    path,
    contents: new Uint8Array(length).map((_, i) => (i >>> 8) + i + seed),
  }))

function inputOf(given: readonly Given[], options: Partial<CreateInput>): CreateInput {
  return {
    name: 'n',
    pieceLength: PIECE,
    files: given.map(({ path, contents }) => ({ path, length: contents.length })),
    read: (index, offset, into) => {
      into.set((given[index] as Given).contents.subarray(offset, offset + into.length))
      return Promise.resolve(into.length)
    },
    ...options,
  }
}

describe('v2 and hybrid torrents', () => {
  it('come back as they were made, every byte of every file in one piece, and again the same', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(file, { minLength: 1, maxLength: 5 }),
        fc.constantFrom('2' as const, 'hybrid' as const),
        async (given, version) => {
          let bytes: Uint8Array
          try {
            bytes = await createMetainfo(inputOf(given, { version }))
          } catch (error) {
            expect(error).toMatchObject({ code: 'metainfo/path-clash', fault: 'local' })
            return
          }
          const metainfo = parseMetainfo(bytes)
          expect(metainfo.version).toBe(version)
          const { layout } = metainfo
          const covered = metainfo.files.map(() => 0)
          for (let piece = 0; piece < layout.pieceCount; piece++) {
            const slices = layout.slices(piece, 0, layout.pieceSize(piece))
            expect(slices.length).toBe(1)
            for (const { file: index, offset, length } of slices) {
              expect(offset).toBe(covered[index])
              covered[index] = offset + length
            }
          }
          expect(covered).toEqual(metainfo.files.map(({ pad, length }) => (pad ? 0 : length)))
          for (const { piecesRoot, length } of metainfo.files) {
            const layer = metainfo.pieceLayers.get(toHex(piecesRoot ?? new Uint8Array(0)))
            expect(layer?.length).toBe(
              length > PIECE && piecesRoot ? 32 * Math.ceil(length / PIECE) : undefined,
            )
          }
          const back = metainfo.files
            .filter(({ pad }) => !pad)
            .map(({ rawPath: path }) => {
              const text = toHex(concatBytes(...path.map((element) => concatBytes(element, utf8('/')))))
              const found = given.find(
                (item) =>
                  toHex(
                    concatBytes(
                      ...item.path.map((element) =>
                        concatBytes(typeof element === 'string' ? utf8(element) : element, utf8('/')),
                      ),
                    ),
                  ) === text,
              )
              return { path, contents: (found as Given).contents }
            })
          const { multiFile } = metainfo
          expect(await createMetainfo(inputOf(back, { version, multiFile }))).toEqual(bytes)
        },
      ),
      { numRuns: runs(20) },
    )
  })

  it('are refused with a code or read, with bytes changed, cut out or put in', async () => {
    const given: Given[] = [
      { path: ['a', 'x'], contents: new Uint8Array(100) },
      { path: ['b'], contents: new Uint8Array(PIECE + 1) },
      { path: ['e'], contents: new Uint8Array(0) },
    ]
    const seeds = [
      await createMetainfo(inputOf(given, { version: '2' })),
      await createMetainfo(inputOf(given, { version: 'hybrid' })),
    ]
    const edit = fc.record({
      at: fc.nat(2000),
      cut: fc.nat(6),
      put: fc.oneof(
        fc.uint8Array({ maxLength: 6 }),
        fc.constantFrom('i-1e', 'le', 'de', '2:..', '0:', '0:de', 'i3e').map(utf8),
      ),
    })
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(edit, { minLength: 1, maxLength: 3 }),
        (seed, edits) => {
          let bytes: Uint8Array = seed
          for (const { at, cut, put } of edits)
            bytes = concatBytes(
              bytes.subarray(0, at % bytes.length),
              put,
              bytes.subarray((at % bytes.length) + cut),
            )
          for (const pieceLayers of ['strict', 'lenient', 'trusted'] as const) {
            const result = tryParseMetainfo(bytes, { pieceLayers })
            if (!result.ok) expect(result.error.code).toMatch(/^(bencode|metainfo)\/[a-z0-9-]+$/)
          }
        },
      ),
      { numRuns: runs(400) },
    )
  })
})
