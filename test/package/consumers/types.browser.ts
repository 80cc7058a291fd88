import { decode, encode } from 'rarest/bencode'
import { parseMetainfo } from 'rarest/metainfo'
import { decodeHandshake } from 'rarest/wire'

export const used: readonly unknown[] = [decode, encode, parseMetainfo, decodeHandshake]
