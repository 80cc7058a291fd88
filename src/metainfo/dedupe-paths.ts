/**
 * Makes the safe paths of a list of files differ.
 * @module
 */

import { originalPath, rawNames } from './file-entry.js'
import type { MetainfoFile } from './model.js'
import { dedupePaths } from './paths.js'
import type { PlainNames } from './plain-names.js'

/**
 * Numbers the later one of two files, pads aside, whose paths meet; `elements` are the bytes that each path was
 * made of, and `names` has read all of them. Returns the index of a file whose path is another's or is the folder of another, if there is one.
 */
export function dedupeFilePaths(
  names: PlainNames,
  files: MetainfoFile[],
  elements: readonly (readonly Uint8Array[])[],
): number | undefined {
  if (!names.mayMeet()) return undefined
  const real: number[] = []
  const paths: (readonly string[])[] = []
  for (let i = 0; i < files.length; i++) {
    const file = files[i] as MetainfoFile
    if (file.pad) continue
    real.push(i)
    paths.push(file.path)
  }
  const { clash, renamed } = dedupePaths(
    paths.map((safe, i) => ({
      raw: rawNames(elements[real[i] as number] as readonly Uint8Array[]),
      safe: safe as string[],
    })),
  )
  if (clash !== undefined) return real[clash]
  for (const index of renamed) {
    const i = real[index] as number
    const spelt = originalPath(elements[i] as readonly Uint8Array[])
    files[i] = { ...(files[i] as MetainfoFile), originalPath: spelt }
  }
  return undefined
}
