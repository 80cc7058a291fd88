/**
 * Opens files below a root without ever leaving it through a symbolic link.
 *
 * A path is walked once: its folder is resolved and remembered, and the file itself is opened with
 * O_NOFOLLOW, so that the usual case costs one system call. Links that stay inside the root are followed.
 * @module
 */

import fs from 'node:fs'
import path from 'node:path'

const { O_CREAT, O_RDONLY, O_RDWR } = fs.constants
// Windows has neither flag: there the file is looked at before it is opened.
const NO_FOLLOW: number = fs.constants.O_NOFOLLOW ?? 0
/** A pipe would be opened only when its other end is: never wait for that. */
const NON_BLOCK: number = fs.constants.O_NONBLOCK ?? 0

/** A file just opened. */
export interface Opened {
  readonly fd: number
  readonly dev: number
  readonly ino: number
}

export class SandboxedPaths {
  readonly #root: string
  #realRoot = ''
  /** Folders that are known to be inside the root. */
  readonly #safe = new Set<string>()

  /** `root` is absolute. */
  constructor(root: string) {
    this.#root = root
  }

  /**
   * Opens a file below the root; with `write` it and its folders are made if need be, without it a missing
   * one gives undefined. Rejects with ELOOP for a link out of the root, EISDIR, or EINVAL for what is no file.
   */
  async open(file: string, write: boolean): Promise<Opened | undefined> {
    const folder = path.dirname(file)
    const flags = (write ? O_RDWR | O_CREAT : O_RDONLY) | NO_FOLLOW | NON_BLOCK
    for (let tries = 0; ; tries++) {
      if (!(await this.#isSafe(folder, write))) return undefined
      try {
        const target = NO_FOLLOW === 0 ? await this.#resolve(file) : file
        return await openFile(target ?? file, flags)
      } catch (error) {
        if (codeOf(error) === 'ELOOP' && NO_FOLLOW !== 0 && tries === 0) {
          const target = await this.#resolve(file)
          if (target !== undefined) return openFile(target, flags)
        }
        if (!isMissing(error)) throw error
        // The folder may have been deleted since it was looked at.
        this.#safe.clear()
        if (!write) return undefined
        if (tries > 0) throw error
      }
    }
  }

  /** What lies at a path, or undefined for nothing. */
  async stat(file: string): Promise<fs.Stats | undefined> {
    if (!(await this.#isSafe(path.dirname(file), false))) return undefined
    try {
      const stat = await fs.promises.lstat(file)
      if (!stat.isSymbolicLink()) return stat
      const target = await this.#resolve(file)
      return target === undefined ? undefined : await fs.promises.stat(target)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  /** Deletes a file or link; what lies outside of the root is left alone. */
  async remove(file: string): Promise<void> {
    try {
      if (await this.#isSafe(path.dirname(file), false)) await fs.promises.unlink(file)
    } catch (error) {
      if (!isMissing(error) && codeOf(error) !== 'ELOOP') throw error
    }
  }

  /** Deletes the empty ones among the folders between the root and these paths. */
  async removeFolders(files: readonly string[]): Promise<void> {
    const folders = new Set<string>()
    for (const file of files) {
      let folder = path.dirname(file)
      for (; folder.length > this.#root.length && !folders.has(folder); folder = path.dirname(folder))
        folders.add(folder)
    }
    // The longer path is never the parent of the shorter one.
    for (const folder of [...folders].sort((a, b) => b.length - a.length)) {
      await fs.promises.rmdir(folder).catch(() => undefined)
    }
    this.#safe.clear()
  }

  async #isSafe(folder: string, make: boolean): Promise<boolean> {
    if (this.#safe.has(folder)) return true
    if (make) await this.#makeFolder(folder)
    else if (!(await this.#isInside(folder))) return false
    this.#safe.add(folder)
    return true
  }

  /** Where a link leads, if that is inside the root; the path itself if it is no link; undefined if there is nothing. */
  async #resolve(file: string): Promise<string | undefined> {
    try {
      if (!(await fs.promises.lstat(file)).isSymbolicLink()) return file
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
    let target: string
    try {
      target = await fs.promises.realpath(file)
    } catch (error) {
      if (isMissing(error)) throw systemError('ELOOP', `${file} is a symbolic link to nothing`)
      throw error
    }
    if (isBelow(target, await this.#rootPath())) return target
    throw systemError('ELOOP', `${file} is a symbolic link out of ${this.#root}`)
  }

  /** Makes a folder and its parents one by one: `mkdir -p` would walk through links. */
  async #makeFolder(folder: string): Promise<void> {
    if (this.#safe.has(folder)) return
    if (folder.length <= this.#root.length) {
      await makeRoot(this.#root)
      return
    }
    await this.#makeFolder(path.dirname(folder))
    try {
      await fs.promises.mkdir(folder)
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error
      if (!(await this.#isInside(folder))) throw systemError('ENOENT', `${folder} cannot be made`)
    }
    this.#safe.add(folder)
  }

  /** False when the folder does not exist; throws ELOOP when it is, or lies behind, a link out of the root. */
  async #isInside(folder: string): Promise<boolean> {
    try {
      if (isBelow(await fs.promises.realpath(folder), await this.#rootPath())) return true
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
    throw systemError('ELOOP', `${folder} leads out of ${this.#root} through a symbolic link`)
  }

  async #rootPath(): Promise<string> {
    if (this.#realRoot === '') this.#realRoot = await fs.promises.realpath(this.#root)
    return this.#realRoot
  }
}

/**
 * Makes the root with its parents. Not by `recursive`: where a folder exists that takes no entries (in
 * `/proc`, say), Node tries for ever.
 */
async function makeRoot(folder: string): Promise<void> {
  try {
    await fs.promises.mkdir(folder)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return
    const parent = path.dirname(folder)
    if (codeOf(error) !== 'ENOENT' || parent === folder || fs.existsSync(parent)) throw error
    await makeRoot(parent)
    await fs.promises.mkdir(folder).catch((again: unknown) => {
      if (codeOf(again) !== 'EEXIST') throw again
    })
  }
}

/** An error in the shape of Node's. */
export function systemError(code: string, message: string): Error {
  return Object.assign(new Error(`${code}: ${message}`), { code })
}

function openFile(file: string, flags: number): Promise<Opened> {
  return new Promise((resolve, reject) => {
    fs.open(file, flags, 0o666, (error, fd) => {
      if (error) return reject(error)
      // The file is open: this asks the kernel's memory, not the disk.
      const stat = fs.fstatSync(fd)
      if (stat.isFile()) return resolve({ fd, dev: stat.dev, ino: stat.ino })
      const code = stat.isDirectory() ? 'EISDIR' : 'EINVAL'
      fs.close(fd, () => reject(systemError(code, `${file} is no regular file`)))
    })
  })
}

function isBelow(target: string, root: string): boolean {
  if (target === root) return true
  return target.startsWith(root.endsWith(path.sep) ? root : root + path.sep)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function isMissing(error: unknown): boolean {
  const code = codeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}
