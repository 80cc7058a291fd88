import bencode = require('rarest/bencode')
import rarest = require('rarest')

export const value: bencode.BencodeValue = bencode.decode(bencode.encode(['a']))
export const code: string = new rarest.RarestError('torrent/closed', 'c').code
