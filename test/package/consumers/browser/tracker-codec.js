import { decodeAnnounce, decodeScrape, encodeConnect } from 'rarest/tracker/codec'
import { bytes, equal, hex } from './assert.js'

/** BEP 15, 7 and 48. */
equal(hex(encodeConnect(0x12345678)), '00000417271019800000000012345678')

const announce = decodeAnnounce(bytes('d8:intervali1800e5:peers6:iiiipp6:peers618:iiiiiiiiiiiiiiiippe'))
equal(announce.ok, true)
equal(announce.value.interval, 1800)
equal(
  announce.value.peers.map(({ address }) => `${address.host} ${address.port}`).join(),
  '105.105.105.105 28784,6969:6969:6969:6969:6969:6969:6969:6969 28784',
)

const scrape = decodeScrape(
  bytes('d5:filesd20:xxxxxxxxxxxxxxxxxxxxd8:completei11e10:downloadedi13772e10:incompletei19eeee'),
)
equal(scrape.ok, true)
equal([...scrape.value.values()][0].downloaded, 13772)
export const done = 'ok'
