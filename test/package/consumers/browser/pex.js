import { decodePex, encodePex, PexReceiver, PexSender } from 'rarest/pex'
import { equal, hex } from './assert.js'

const peer = { address: { host: '1.2.3.4', port: 6881 }, flags: 2 }
const bytes = encodePex({ added: [peer], dropped: [] })
equal(hex(bytes.subarray(0, 16)), '64353a6164646564363a010203041ae1')
equal(decodePex(bytes).value.added[0].address.host, '1.2.3.4')
equal(new PexReceiver('8.8.8.8').receive(bytes, () => false, 0).type, 'peers')
equal(new PexSender().message(new Map([['1.2.3.4:6881', peer]]), new Map(), 0).added.length, 1)
export const done = 'ok'
