/**
 * What a hashing thread does. Its source text is all that crosses to the thread, so it may use nothing from
 * outside its own body.
 * @module
 */

import type * as Crypto from 'node:crypto'
import type * as Fs from 'node:fs'
import type { MessagePort } from 'node:worker_threads'

/** What a thread knows from its start. */
export interface HashSetup {
  /** Where each file of the plan lies; undefined for pads. */
  readonly locations: readonly (string | Uint8Array | undefined)[]
  readonly v1: boolean
  readonly v2: boolean
}

/** Consecutive pieces; every slice is five numbers: piece, file, offset, length, and 1 for a pad. */
export interface HashJob {
  readonly id: number
  readonly pieces: number
  readonly slices: Float64Array
}

/** The SHA-1 of each piece, and the SHA-256 of each block of each slice, in order. */
export type HashAnswer =
  | { readonly id: number; readonly sha1: Uint8Array; readonly leaves: Uint8Array }
  /** The file ended at `end`. */
  | { readonly id: number; readonly short: number; readonly end: number }
  /** Codes of errors do not cross by themselves. */
  | { readonly id: number; readonly failure: string; readonly code: string | undefined }

/** Runs on the thread. */
export function hashWorker(port: MessagePort, setup: HashSetup, fs: typeof Fs, crypto: typeof Crypto): void {
  const BLOCK = 16_384
  const RUN = 1_048_576
  const buffer = new Uint8Array(new ArrayBuffer(RUN))
  let openFile = -1
  let handle = -1

  const write = (text: string, into: Uint8Array, at: number): void => {
    for (let i = 0; i < text.length; i++) into[at + i] = text.charCodeAt(i)
  }

  const openAt = (file: number): number => {
    if (file === openFile) return handle
    if (openFile !== -1) fs.closeSync(handle)
    openFile = -1
    handle = fs.openSync(setup.locations[file] as string, 'r')
    openFile = file
    return handle
  }

  const hash = ({ id, pieces, slices }: HashJob): HashAnswer => {
    const sha1 = new Uint8Array(setup.v1 ? 20 * pieces : 0)
    let count = 0
    for (let at = 0; at < slices.length; at += 5)
      if (slices[at + 4] === 0) count += Math.ceil((slices[at + 3] as number) / BLOCK)
    const leaves = new Uint8Array(setup.v2 ? 32 * count : 0)
    let leaf = 0
    for (let at = 0; at < slices.length; ) {
      const piece = slices[at] as number
      const flat = crypto.createHash('sha1')
      for (; at < slices.length && slices[at] === piece; at += 5) {
        const file = slices[at + 1] as number
        const offset = slices[at + 2] as number
        const length = slices[at + 3] as number
        const pad = slices[at + 4] === 1
        for (let done = 0; done < length; ) {
          const part = buffer.subarray(0, Math.min(RUN, length - done))
          if (pad) part.fill(0)
          else {
            const descriptor = openAt(file)
            for (let got = 0; got < part.length; ) {
              const read = fs.readSync(descriptor, part, got, part.length - got, offset + done + got)
              if (read === 0) return { id, short: file, end: offset + done + got }
              got += read
            }
          }
          if (setup.v1) flat.update(part)
          if (setup.v2 && !pad) {
            for (let from = 0; from < part.length; from += BLOCK, leaf += 32)
              write(crypto.hash('sha256', part.subarray(from, from + BLOCK), 'binary'), leaves, leaf)
          }
          done += part.length
        }
      }
      if (setup.v1) write(flat.digest('binary'), sha1, 20 * piece)
    }
    return { id, sha1, leaves }
  }

  port.on('message', (job: HashJob) => {
    try {
      port.postMessage(hash(job))
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException
      port.postMessage({ id: job.id, failure: message, code } satisfies HashAnswer)
    }
  })
}
