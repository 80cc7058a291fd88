/**
 * Preloaded into every process that tests start, and into the tests themselves: no name is looked up and no
 * datagram is sent beyond this machine, whatever the code under test would do by default.
 */

import dgram from 'node:dgram'
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import { isIP } from 'node:net'

const { lookup } = dns

dns.lookup = (name, options, callback) => {
  const done = callback ?? options
  if (name === '' || name === 'localhost' || isIP(name)) return lookup(name, options, callback)
  const error = Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' })
  setImmediate(() => done(error))
  return {}
}

const { send, setMulticastInterface } = dgram.Socket.prototype
/** Sockets whose datagrams to multicast groups leave by the loopback interface. */
const loopbackGroups = new WeakSet()

dgram.Socket.prototype.setMulticastInterface = function setWithin(by) {
  setMulticastInterface.call(this, by)
  if (by.startsWith('127.')) loopbackGroups.add(this)
  else loopbackGroups.delete(this)
}

dgram.Socket.prototype.send = function sendWithin(...args) {
  const host = args.findLast((arg) => typeof arg === 'string' && isIP(arg))
  const isLooped = host && /^(22[4-9]|23\d)\./.test(host) && loopbackGroups.has(this)
  if (host && !isLooped && !host.startsWith('127.') && host !== '::1') {
    const done = args.at(-1)
    if (typeof done === 'function') setImmediate(done, null, 0)
    return
  }
  return send.apply(this, args)
}

syncBuiltinESMExports()
