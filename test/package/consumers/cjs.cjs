const { deepStrictEqual, ok, strictEqual } = require('node:assert')
const separate = process.argv[2] === 'separate'

const { exports: entries } = require('rarest/package.json')
const subpaths = Object.keys(entries).filter((subpath) => subpath !== './package.json')
for (const subpath of subpaths) {
  const entry = require(`rarest${subpath.slice(1)}`)
  ok(Object.keys(entry).length > 0, `${subpath} exports nothing`)
}

const { decode, encode } = require('rarest/bencode')
deepStrictEqual(decode(encode({ spam: ['a', 1] })), new Map([['spam', [Uint8Array.of(97), 1]]]))

import('rarest').then(({ RarestError }) => {
  const same = RarestError === require('rarest').RarestError
  strictEqual(same, !separate, 'require and import share one instance exactly where Node can require ESM')
  console.log(`ok: ${subpaths.length} entries`)
})
