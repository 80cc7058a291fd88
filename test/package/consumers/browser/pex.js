import { decodePex, encodePex, PexReceiver, PexSender } from 'rarest/pex'

const peer = { address: { host: '1.2.3.4', port: 6881 }, flags: 2 }
const bytes = encodePex({ added: [peer], dropped: [] })
equal(new TextDecoder('latin1').decode(bytes).slice(0, 19), 'd5:added6:\x01\x02\x03\x04\x1a\u00e17:')
equal(decodePex(bytes).value.added[0].address.host, '1.2.3.4')
equal(new PexReceiver('8.8.8.8').receive(bytes, () => false, 0).type, 'peers')
equal(new PexSender().message(new Map([['1.2.3.4:6881', peer]]), new Map(), 0).added.length, 1)
