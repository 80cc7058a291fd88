/**
 * #hash in Node, and in a browser (rusha and fast-sha256; the one-shot SHA-1 is left out, because
 * simple-sha1 turns to node:crypto when it runs here).
 */
import { bench, do_not_optimize, summary } from 'mitata'
import * as browser from '../../src/hash/browser.js'
import * as node from '../../src/hash/node.js'

for (const [size, label] of [
  [64, '64 B'],
  [16_384, '16 KiB'],
  [1_048_576, '1 MiB'],
] as const) {
  const bytes = new Uint8Array(size).fill(0x5a)
  bench(`SHA-1 of ${label}: node`, () => do_not_optimize(node.sha1(bytes)))
  summary(() => {
    bench(`SHA-256 of ${label}: node`, () => do_not_optimize(node.sha256(bytes)))
    bench(`SHA-256 of ${label}: browser`, () => do_not_optimize(browser.sha256(bytes)))
  })
}

/** A piece that arrives in blocks. */
const block = new Uint8Array(16_384).fill(0x5a)
summary(() => {
  for (const [side, { createSha1 }] of [
    ['node', node],
    ['browser', browser],
  ] as const) {
    bench(`SHA-1 of 1 MiB in blocks of 16 KiB: ${side}`, () => {
      const hash = createSha1()
      for (let i = 0; i < 64; i++) hash.update(block)
      return do_not_optimize(hash.digest())
    })
  }
})
