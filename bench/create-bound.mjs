/** MiB/s of SHA-1 over pieces and SHA-256 over blocks from memory, on all cores at once: the limit of bench/create.mjs. */
import { createHash, hash } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'

const MIB = 1024 * 1024
const ROUNDS = 1024

if (isMainThread) {
  const threads = Array.from({ length: availableParallelism() }, () => new Worker(new URL(import.meta.url)))
  const ready = threads.map((thread) => new Promise((resolve) => thread.once('message', resolve)))
  await Promise.all(ready)
  const start = performance.now()
  const done = threads.map((thread) => new Promise((resolve) => thread.once('message', resolve)))
  for (const thread of threads) thread.postMessage('go')
  await Promise.all(done)
  const seconds = (performance.now() - start) / 1000
  console.log(JSON.stringify({ rate: (threads.length * ROUNDS) / seconds }))
  for (const thread of threads) void thread.terminate()
} else {
  const bytes = new Uint8Array(MIB).fill(0x5a)
  const round = () => {
    createHash('sha1').update(bytes).digest('binary')
    for (let at = 0; at < MIB; at += 16_384) hash('sha256', bytes.subarray(at, at + 16_384), 'binary')
  }
  for (let i = 0; i < 32; i++) round()
  parentPort.once('message', () => {
    for (let i = 0; i < ROUNDS; i++) round()
    parentPort.postMessage('done')
  })
  parentPort.postMessage('ready')
}
