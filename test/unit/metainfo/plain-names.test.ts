import { describe, expect, it } from 'vitest'
import { foldName, safeName } from '../../../src/metainfo/paths.js'
import { PlainNames } from '../../../src/metainfo/plain-names.js'
import { utf8 } from '../../../src/util/bytes.js'

/** Takes in paths as the lists of files do. */
function read(...paths: readonly string[]): PlainNames {
  const names = new PlainNames()
  for (const path of paths) {
    let folder = 0
    const elements = path.split('/')
    elements.forEach((element, depth) => {
      if (names.text(utf8(element)) === undefined) names.other()
      else if (depth === elements.length - 1) names.file(folder)
      else folder = names.folder(folder)
    })
  }
  return names
}

describe('PlainNames', () => {
  it.each(['a', 'Track 01.flac', 'a.b', '.hidden', 'console', 'a'.repeat(80), "~!#$%&'()+,;=@[]^`{}-_"])(
    'knows that %j is safe as it stands',
    (name) => {
      expect(new PlainNames().text(utf8(name))).toBe(name)
      expect(safeName(name)).toBe(name)
    },
  )

  it.each(['', '.', '..', 'a.', 'a ', 'a/b', 'C:', 'a?', 'a\0', 'con', 'NUL.txt', 'é', 'a'.repeat(81)])(
    'leaves %j to the slow way',
    (name) => {
      expect(new PlainNames().text(utf8(name))).toBeUndefined()
    },
  )

  it.each([
    ['the same path', ['a/b', 'a/b'], true],
    ['capitals', ['README', 'readme'], true],
    ['capitals in a folder', ['A/x', 'a/X'], true],
    ['a file and a folder', ['a', 'A/x'], true],
    ['a folder and a file', ['a/b/c', 'a/B'], true],
    ['a name of another kind', ['a', 'é'], true],
    ['one folder', ['a/b', 'a/c', 'A/d'], false],
    ['the same name in two folders', ['a/x', 'b/x', 'x'], false],
    ['names put together alike', ['ab/c', 'a/bc', 'abc', 'a/b/c'], false],
  ])('tells whether paths may meet: %s', (_, paths, meet) => {
    expect(read(...paths).mayMeet()).toBe(meet)
  })

  it('takes no two of many usual paths for equal', () => {
    const paths = Array.from({ length: 20_000 }, (_, i) => `disc ${i % 7}/${String(i).padStart(5, '0')}.flac`)
    expect(new Set(paths.map(foldName)).size).toBe(paths.length)
    expect(read(...paths).mayMeet()).toBe(false)
    expect(read(...paths, 'DISC 3/00010.flac').mayMeet()).toBe(true)
  })
})
