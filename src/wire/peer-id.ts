/**
 * Peer ids: our own, and which client another one names (BEP 20).
 * @module
 */

import { toLatin1 } from '../util/bytes.js'
import type { Random } from '../util/random.js'

/** What our own ids begin with: `RR` is in no known list, `0100` is version 0.1.0. */
export const PEER_ID_PREFIX = '-RR0100-'

/** A fresh 20-byte id, one per start of a torrent: {@link PEER_ID_PREFIX} and 12 random bytes. */
export function makePeerId(random: Random): Uint8Array {
  const id = random.bytes(20)
  for (let i = 0; i < PEER_ID_PREFIX.length; i++) id[i] = PEER_ID_PREFIX.charCodeAt(i)
  return id
}

/**
 * Readable client name and version of a 20-byte peer id, for instance `qBittorrent 4.6.3`, or undefined
 * when it follows no known style. A peer id is a claim, nothing more.
 */
export function clientName(peerId: Uint8Array): string | undefined {
  if (peerId.length !== 20) return undefined
  const id = toLatin1(peerId)
  return special(id) ?? azureus(id) ?? mainline(id) ?? shadow(id)
}

/** Two letters between dashes; four version characters. */
const AZUREUS: ReadonlyMap<string, string> = new Map(
  `AG Ares|A~ Ares|AR Arctic|AV Avicora|AX BitPump|AZ Azureus|BB BitBuddy|BC BitComet|BF Bitflu|BG BTG
BR BitRocket|BS BTSlave|BX ~Bittorrent X|CD Enhanced CTorrent|CT CTorrent|DE Deluge|DP Propagate|EB EBit
ES electric sheep|FT FoxTorrent|FW FrostWire|FX Freebox|GS GSTorrent|HL Halite|HN Hydranode|KG KGet
KT KTorrent|LH LH-ABC|LP Lphant|LT libtorrent|lt libTorrent|LW LimeWire|MO MonoTorrent|MP MooPolice
MR Miro|MT MoonlightTorrent|NX Net Transport|PD Pando|qB qBittorrent|QD QQDownload|QT Qt 4 example
RR rarest|RT Retriever|S~ Shareaza beta|SB ~Swiftbit|SS SwarmScope|ST SymTorrent|st sharktorrent
SZ Shareaza|TN TorrentDotNET|TR Transmission|TS Torrentstorm|TT TuoTu|UL uLeecher!|UT \u00b5Torrent
UW \u00b5Torrent Web|VG Vagaa|WD WebTorrent Desktop|WT BitLet|WW WebTorrent|WY FireTorrent|XL Xunlei
XT XanTorrent|XX Xtorrent|ZT ZipTorrent`
    .split(/[|\n]/)
    .map((entry) => [entry.slice(0, 2), entry.slice(3)] as const),
)

const SHADOW: Readonly<Record<string, string>> = {
  A: 'ABC',
  O: 'Osprey',
  Q: 'BTQueue',
  R: 'Tribler',
  S: 'Shadow',
  T: 'BitTornado',
  U: 'UPnP NAT',
}

function azureus(id: string): string | undefined {
  const match = /^-([A-Za-z~]{2})([0-9A-Za-z.]{4})-/.exec(id)
  if (!match) return undefined
  const [, code, digits] = match as unknown as [string, string, string]
  const name = AZUREUS.get(code)
  const version = digits.split('').map(digit).join('.').replace(/\.0$/, '')
  return name ? `${name} ${version}` : `${code} ${version}`
}

/** Version characters count 0-9, then A = 10, then a = 36; anything else stands for itself. */
function digit(character: string): string {
  const code = character.charCodeAt(0)
  if (code >= 0x41 && code <= 0x5a) return `${code - 55}`
  if (code >= 0x61 && code <= 0x7a) return `${code - 61}`
  return character
}

function mainline(id: string): string | undefined {
  const match = /^([MQ])(\d{1,2})-(\d{1,2})-(\d{1,2})-+/.exec(id)
  if (!match || (match[0] as string).length < 8) return undefined
  return `${match[1] === 'M' ? 'Mainline' : 'Queen Bee'} ${match[2]}.${match[3]}.${match[4]}`
}

function shadow(id: string): string | undefined {
  const match = /^([AOQRSTU])([0-9A-Za-z.-]{5})---/.exec(id)
  if (!match) return undefined
  const version = (match[2] as string).replace(/-+$/, '')
  if (version === '' || version.includes('-')) return undefined
  return `${SHADOW[match[1] as string]} ${version.split('').map(digit).join('.')}`
}

function special(id: string): string | undefined {
  const bitComet = /^(?:exbc|FUTB)([\0-\xff])([\0-\xff])(LORD)?/.exec(id)
  if (bitComet) {
    const version = `${code(bitComet[1])}.${`${code(bitComet[2])}`.padStart(2, '0')}`
    return `${bitComet[3] ? 'BitLord' : 'BitComet'} ${version}`
  }
  const xbt = /^XBT(\d)(\d)(\d)([d-])-/.exec(id)
  if (xbt) return `XBT ${xbt[1]}.${xbt[2]}.${xbt[3]}${xbt[4] === 'd' ? ' debug' : ''}`
  const opera = /^OP([0-9a-f]{4})/.exec(id)
  if (opera) return `Opera ${opera[1]}`
  const donkey = /^-ML([0-9.]+)-/.exec(id)
  if (donkey) return `MLdonkey ${donkey[1]}`
  const bow = /^-BOW([0-9A-Za-z]{3})-/.exec(id)
  if (bow) return `Bits on Wheels ${bow[1]}`
  if (id.startsWith('AZ2500BT')) return 'BitTyrant'
  if (id.startsWith('346------')) return 'TorrenTopia'
  if (id.startsWith('\x00\x02BS') || id.startsWith('\x00\x03BS')) return `BitSpirit ${id.charCodeAt(1)}`
  // Version bytes, not the dash of an Azureus id.
  if (id.startsWith('RS', 2) && id.charCodeAt(0) < 0x20)
    return `Rufus ${id.charCodeAt(0)}.${id.charCodeAt(1)}`
  if (id.startsWith('-G3')) return 'G3'
  const flashGet = /^-?FG(\d{4})/.exec(id)
  if (flashGet) return `FlashGet ${flashGet[1]}`
  const allPeers = /^AP([0-9A-Za-z.]+)-/.exec(id)
  if (allPeers) return `AllPeers ${allPeers[1]}`
  return undefined
}

function code(character: string | undefined): number {
  return character?.charCodeAt(0) ?? 0
}
