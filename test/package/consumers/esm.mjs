import { deepStrictEqual, ok, strictEqual } from 'node:assert'
import { createRequire } from 'node:module'

const { exports } = createRequire(import.meta.url)('rarest/package.json')
const subpaths = Object.keys(exports).filter((subpath) => subpath !== './package.json')
for (const subpath of subpaths) {
  const entry = await import(`rarest${subpath.slice(1)}`)
  ok(Object.keys(entry).length > 0, `${subpath} exports nothing`)
}

const { decode, encode } = await import('rarest/bencode')
deepStrictEqual(decode(encode({ spam: ['a', 1] })), new Map([['spam', [Uint8Array.of(97), 1]]]))
try {
  decode(encode(1).subarray(1))
  ok(false, 'nothing was thrown')
} catch (error) {
  strictEqual(error.code, 'bencode/invalid-length')
}
console.log(`ok: ${subpaths.length} entries`)
