/** RC4 in place on what a read brings, and over bytes that lie askew. */
import { bench, do_not_optimize, summary } from 'mitata'
import { Rc4 } from '../../src/wire/mse/rc4.js'

const KEY = new Uint8Array(20).fill(7)

/** Megabytes a second of CPU, over about half a second: what the rows cannot say. */
function throughput(): void {
  const bytes = new Uint8Array(131_072)
  const cipher = new Rc4(KEY)
  for (let i = 0; i < 500; i++) cipher.apply(bytes, bytes)
  const before = process.cpuUsage()
  for (let i = 0; i < 2_000; i++) cipher.apply(bytes, bytes)
  const { user, system } = process.cpuUsage(before)
  console.log(`RC4 in place: ${((2_000 * bytes.length) / (user + system)).toFixed(0)} MB/s of CPU\n`)
}

throughput()

for (const [size, label] of [
  [17, '17 B (a request)'],
  [16_384, '16 KiB'],
  [131_072, '128 KiB'],
] as const) {
  const memory = new Uint8Array(size + 4)
  const aligned = memory.subarray(0, size)
  const askew = memory.subarray(1, size + 1)
  const other = new Uint8Array(size)
  const cipher = new Rc4(KEY)
  summary(() => {
    bench(`RC4 of ${label}: in place`, () => do_not_optimize(cipher.apply(aligned, aligned)))
    bench(`RC4 of ${label}: from askew memory`, () => do_not_optimize(cipher.apply(askew, other)))
    bench(`RC4 of ${label}: copy, then in place`, () => {
      other.set(askew)
      return do_not_optimize(cipher.apply(other, other))
    })
  })
}

bench('set up a cipher', () => do_not_optimize(new Rc4(KEY)))
