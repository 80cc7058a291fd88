/**
 * The files of the project, for tests of what is written about them.
 * @module
 */

import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the project. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** Paths of all files below a folder of the project, relative to it with slashes, `node_modules` left out. */
export function filesBelow(folder: string): string[] {
  return readdirSync(`${ROOT}/${folder}`, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`
      return entry.isDirectory() ? filesBelow(path) : [path]
    })
}
