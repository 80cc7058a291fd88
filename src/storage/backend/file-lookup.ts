/**
 * Where the files of a torrent lie: at their safe paths, or where another client put them.
 * @module
 */

import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { foldName } from '../../metainfo/paths.js'
import type { StorageFile } from './backend.js'

/**
 * The path of each file below `root`: its safe one, or the torrent's own spelling where a file of that name
 * is there and none has the safe name. Names are compared with what the folders list, since opening a file
 * would not tell `README` from `readme` where the system does not, and two files would end up as one.
 */
export async function lookUpFiles(
  root: string,
  files: readonly StorageFile[],
): Promise<(readonly string[])[]> {
  const paths = files.map((file) => file.path)
  if (files.every((file) => file.originalPath === undefined)) return paths
  const folders = new Folders(root)
  const safe = new Map(paths.map((path) => [foldPath(path), path]))
  for (const [index, { path, originalPath }] of files.entries()) {
    if (originalPath === undefined || !originalPath.every(isSafeElement)) continue
    if (!(await folders.hold(originalPath)) || (await folders.hold(path))) continue
    const other = safe.get(foldPath(originalPath))
    if (other !== undefined && other !== path) {
      const same = other.join('/') === originalPath.join('/')
      if (same || !(await folders.hold(other))) continue
    }
    paths[index] = originalPath
  }
  return paths
}

/** True for a path element that stays in its folder. */
export function isSafeElement(element: string): boolean {
  if (element === '' || element === '.' || element === '..') return false
  return !/[/\\\0]/.test(element)
}

function foldPath(path: readonly string[]): string {
  return path.map(foldName).join('/')
}

/** Names in the folders below a root, each folder read once. */
class Folders {
  readonly #root: string
  readonly #names = new Map<string, Promise<ReadonlySet<string>>>()

  constructor(root: string) {
    this.#root = root
  }

  /** True when something lies at the path, every element spelt exactly so. */
  async hold(path: readonly string[]): Promise<boolean> {
    let folder = this.#root
    for (const element of path) {
      if (!(await this.#read(folder)).has(element)) return false
      folder = join(folder, element)
    }
    return true
  }

  #read(folder: string): Promise<ReadonlySet<string>> {
    let names = this.#names.get(folder)
    if (names === undefined) {
      names = readdir(folder).then(
        (list) => new Set(list),
        () => new Set(),
      )
      this.#names.set(folder, names)
    }
    return names
  }
}
