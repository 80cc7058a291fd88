/**
 * Hashes the files of a new torrent on several threads: each reads its own runs of pieces and hashes them
 * both ways, so that no byte crosses between threads. See docs/decisions/create-on-several-threads.md.
 * @module
 */

import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { CreateProgress } from '../metainfo/hash-files.js'
import { changedFile, type FileHashes, type HashPlan, type PlannedFile } from '../metainfo/hash-files.js'
import { Layout } from '../metainfo/layout.js'
import { merkleRoot, NODE_LENGTH, pieceLayer } from '../metainfo/merkle.js'
import { type HashAnswer, type HashJob, type HashSetup, hashWorker } from './hash-worker.js'

/** Bytes from which threads pay: they take some 50 ms to start, in which one hashes about this much. */
export const POOL_FROM: number = 64 * 1024 * 1024
/** Each takes some 10 MiB; with four of them creating stays well below 150 MiB. */
const MOST_THREADS = 4
/** Bytes in a job: some milliseconds of work, so that the threads end together. */
const JOB_LENGTH = 4 * 1024 * 1024
/** Jobs that a thread has at a time: the next is there when one ends. */
const JOBS_AHEAD = 2
/** Slices in a job: torrents of many small files. */
const JOB_SLICES = 4096

export interface PoolOptions {
  /** Where each file of the input lies. */
  readonly locations: readonly (string | Uint8Array)[]
  readonly signal: AbortSignal | undefined
  readonly onProgress: ((progress: CreateProgress) => void) | undefined
}

/** Hashes the plan. Rejects like `createTorrent`; no thread is left then. */
export async function hashOnThreads(plan: HashPlan, options: PoolOptions): Promise<FileHashes> {
  const { signal } = options
  signal?.throwIfAborted()
  const setup: HashSetup = {
    locations: plan.files.map(({ index, pad }) => (pad ? undefined : options.locations[index])),
    v1: plan.version !== '2',
    v2: plan.version !== '1',
  }
  const threads = Array.from({ length: Math.min(availableParallelism(), MOST_THREADS) }, () => start(setup))
  try {
    return await new Promise<FileHashes>((resolve, reject) => {
      const onAbort = (): void => reject(signal?.reason as Error)
      signal?.addEventListener('abort', onAbort, { once: true })
      const jobs = jobsOf(plan)
      const gathered = new Gathered(plan)
      const pending = new Map<number, Job>()
      let ended = false
      const feed = (thread: Worker): void => {
        const next = ended ? undefined : jobs.next().value
        if (next === undefined) ended = true
        else {
          pending.set(next.message.id, next)
          thread.postMessage(next.message)
        }
        if (ended && pending.size === 0) {
          signal?.removeEventListener('abort', onAbort)
          resolve(gathered.finish())
        }
      }
      for (const thread of threads) {
        thread.on('error', reject)
        thread.on('message', (answer: HashAnswer) => {
          if ('failure' in answer) reject(Object.assign(new Error(answer.failure), { code: answer.code }))
          else if ('short' in answer)
            reject(changedFile((plan.files[answer.short] as PlannedFile).path, answer.end))
          else {
            const job = pending.get(answer.id) as Job
            pending.delete(answer.id)
            try {
              const hashed = gathered.take(job, answer)
              options.onProgress?.({ hashed, size: plan.size })
              feed(thread)
            } catch (error) {
              reject(error as Error)
            }
          }
        })
        for (let i = 0; i < JOBS_AHEAD; i++) feed(thread)
      }
    })
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()))
  }
}

/** From its text, not from a file: bundlers and both module formats find that alike. */
function start(setup: HashSetup): Worker {
  const code = `const { parentPort, workerData } = require('node:worker_threads');
    (${hashWorker.toString()})(parentPort, workerData, require('node:fs'), require('node:crypto'))`
  return new Worker(code, {
    eval: true,
    workerData: setup,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
  })
}

interface Job {
  readonly first: number
  readonly message: HashJob
}

/** Runs of pieces, cut so that the threads have equal work. */
function* jobsOf(plan: HashPlan): Generator<Job, undefined> {
  const layout = new Layout(plan.files, plan.pieceLength)
  let slices: number[] = []
  let first = 0
  let bytes = 0
  for (let piece = 0; piece < layout.pieceCount; piece++) {
    for (const { file, offset, length } of layout.slices(piece, 0, layout.pieceSize(piece))) {
      const { pad } = plan.files[file] as PlannedFile
      if (pad && plan.version === '2') continue
      slices.push(piece - first, file, offset, length, pad ? 1 : 0)
      bytes += length
    }
    if (bytes < JOB_LENGTH && slices.length < 5 * JOB_SLICES && piece < layout.pieceCount - 1) continue
    const message = { id: first, pieces: piece + 1 - first, slices: Float64Array.from(slices) }
    yield { first, message }
    slices = []
    bytes = 0
    first = piece + 1
  }
  return undefined
}

/** Puts the answers together, in whatever order they come. */
class Gathered {
  readonly #plan: HashPlan
  readonly #pieces: Uint8Array
  readonly #trees = new Map<number, { root: Uint8Array; readonly layer: Uint8Array }>()
  #hashed = 0

  constructor(plan: HashPlan) {
    this.#plan = plan
    let span = 0
    for (const { length } of plan.files) span += length
    this.#pieces = new Uint8Array(plan.version === '2' ? 0 : 20 * Math.ceil(span / plan.pieceLength))
  }

  /** Returns the bytes of files hashed so far. */
  take(job: Job, { sha1, leaves }: { readonly sha1: Uint8Array; readonly leaves: Uint8Array }): number {
    if (sha1.length > 0) this.#pieces.set(sha1, 20 * job.first)
    const { slices } = job.message
    let at = 0
    for (let i = 0; i < slices.length; i += 5) {
      if (slices[i + 4] === 1) continue
      const length = slices[i + 3] as number
      this.#hashed += length
      if (leaves.length === 0) continue
      const end = at + NODE_LENGTH * Math.ceil(length / 16_384)
      this.#fold(slices[i + 1] as number, slices[i + 2] as number, leaves.subarray(at, end))
      at = end
    }
    return this.#hashed
  }

  finish(): FileHashes {
    const layer = pieceLayer(this.#plan.pieceLength)
    for (const tree of this.#trees.values())
      if (tree.layer.length > 0) tree.root = merkleRoot(tree.layer, layer)
    return { pieces: this.#pieces, trees: this.#trees }
  }

  /** The leaves of one piece of a file. */
  #fold(file: number, offset: number, leaves: Uint8Array): void {
    const { pieceLength } = this.#plan
    const { length } = this.#plan.files[file] as PlannedFile
    if (length <= pieceLength) {
      this.#trees.set(file, { root: merkleRoot(leaves, 0), layer: new Uint8Array(0) })
      return
    }
    let tree = this.#trees.get(file)
    if (tree === undefined) {
      const layer = new Uint8Array(NODE_LENGTH * Math.ceil(length / pieceLength))
      tree = { root: layer, layer }
      this.#trees.set(file, tree)
    }
    tree.layer.set(merkleRoot(leaves, 0, pieceLength / 16_384), (NODE_LENGTH * offset) / pieceLength)
  }
}
