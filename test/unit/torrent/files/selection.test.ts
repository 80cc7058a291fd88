import { describe, expect, it } from 'vitest'
import { parseMetainfo } from '../../../../src/metainfo/index.js'
import { Selection } from '../../../../src/torrent/files/selection.js'
import { multi } from '../../metainfo/build.js'

/** `list`, and how often one of its items was read. */
function counted(list: number[]): { readonly list: number[]; readonly reads: () => number } {
  let reads = 0
  const proxy = new Proxy(list, {
    get(target, key, receiver) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++
      return Reflect.get(target, key, receiver)
    },
  })
  return { list: proxy, reads: () => reads }
}

describe('a selection', () => {
  const files = 2000
  const pad = { path: ['.pad', '1'], length: 1, attr: 'p' }
  const metainfo = parseMetainfo(
    multi([pad, ...Array.from({ length: files }, (_, i) => ({ path: [`f${i}`], length: 1 }))]),
  )

  it('wants exactly the files that are named, and no pads', () => {
    const selection = new Selection(metainfo)
    selection.only([0, 2, 5, 2])
    expect(selection.wantedFiles().flatMap((wanted, file) => (wanted ? [file] : []))).toEqual([2, 5])
    selection.only([3])
    expect(selection.priority(2)).toBe(0)
    expect(selection.isAll).toBe(false)
  })

  it('looks at each number once, however many files there are', () => {
    const all = counted(Array.from({ length: files }, (_, i) => i + 1))
    const selection = new Selection(metainfo)
    selection.only(all.list)
    expect(selection.isAll).toBe(true)
    expect(all.reads()).toBe(files)
  })
})
