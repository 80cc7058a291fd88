import {
  BloomFilter,
  decodeKrpc,
  encodeQuery,
  immutableTarget,
  mutableTarget,
  signedBytes,
} from 'rarest/dht/krpc'
import { bytes, equal, hex } from './assert.js'

/** BEP 5. */
const ping = bytes('d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe')
const decoded = decodeKrpc(ping)
equal(decoded.ok, true)
equal(decoded.value.method, 'ping')
equal(hex(encodeQuery(decoded.value)), hex(ping))

/** BEP 44. */
const value = bytes('12:Hello World!')
equal(hex(immutableTarget(value)), 'e5f96f6f38320f0f33959cb4d3d656452117aadb')
const salt = bytes('foobar')
equal(hex(signedBytes({ value, salt, seq: 1n })), hex(bytes('4:salt6:foobar3:seqi1e1:v12:Hello World!')))
const key = new Uint8Array(32)
equal(mutableTarget(key, salt).length, 20)

/** BEP 33. */
const filter = new BloomFilter()
filter.add(Uint8Array.of(192, 0, 2, 1))
equal(Math.round(filter.estimate), 1)
export const done = 'ok'
