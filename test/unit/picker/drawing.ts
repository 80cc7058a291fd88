import { BLOCK_LENGTH, type Block, Layout } from '../../../src/metainfo/layout.js'
import { Picker, type PickerPeer } from '../../../src/picker/picker.js'
import { Bitfield } from '../../../src/util/bitfield.js'
import type { Random } from '../../../src/util/random.js'

/** A repeatable source (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed
  const uint32 = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return (t ^ (t >>> 14)) >>> 0
  }
  return { uint32, bytes: (length) => Uint8Array.from({ length }, uint32) }
}

export function layoutOf(pieces: number, blocks: number, lastBytes = blocks * BLOCK_LENGTH): Layout {
  const pieceLength = blocks * BLOCK_LENGTH
  return new Layout([{ length: (pieces - 1) * pieceLength + lastBytes, pad: false }], pieceLength)
}

export function pieces(row: string): Bitfield {
  const set = new Bitfield(row.length)
  for (let i = 0; i < row.length; i++) if (row[i] === '*') set.add(i)
  return set
}

export interface Swarm {
  readonly picker: Picker<string>
  /** Peers a, b, c ... in the order of the rows. */
  readonly peers: PickerPeer<string>[]
  /** Picks up to `count` blocks for peer number `peer` and draws them, `piece.block` each. */
  pick(peer: number, count: number, now?: number): string
  /** All open requests of the peer arrive; complete pieces are verified. */
  deliver(peer: number): void
  /** One drawing of all pieces: `*` verified, `.` untouched, else the states of the blocks in braces. */
  draw(): string
}

/**
 * A swarm from drawings. `ours` has one character a piece: `*` verified, `.` lacking, `0`-`7` lacking
 * with that priority. Each of `theirs` is a peer, unchoked: `*` has the piece, `.` lacks it.
 */
export function swarm(
  ours: string,
  theirs: readonly string[],
  options: { blocks?: number; seed?: number; maxOpenPieces?: number } = {},
): Swarm {
  const layout = layoutOf(ours.length, options.blocks ?? 1)
  const picker = new Picker<string>({
    layout,
    random: seeded(options.seed ?? 1),
    have: pieces(ours),
    ...(options.maxOpenPieces === undefined ? {} : { maxOpenPieces: options.maxOpenPieces }),
  })
  for (let i = 0; i < ours.length; i++) {
    const priority = Number(ours[i])
    if (ours[i] !== '.' && ours[i] !== '*') picker.setPriority(i, priority)
  }
  const requested: Block[][] = []
  const peers = theirs.map((row, i) => {
    const peer = picker.addPeer(String.fromCharCode(97 + i))
    picker.unchoked(peer)
    picker.setPieces(peer, pieces(row))
    requested.push([])
    return peer
  })
  const pick = (peer: number, count: number, now = 0): string => {
    const out: Block[] = []
    const picked = picker.pick(peers[peer]!, count, now, out)
    picker.checkInvariants()
    if (picked !== out.length) throw new Error('pick returned a wrong number')
    requested[peer]!.push(...out)
    return out.map(({ piece, begin }) => `${piece}.${begin / BLOCK_LENGTH}`).join(' ')
  }
  const deliver = (peer: number): void => {
    for (const block of requested[peer]!.splice(0)) {
      picker.received(peers[peer]!, block.piece, block.begin, [])
      if (picker.isComplete(block.piece)) picker.verified(block.piece)
    }
    picker.checkInvariants()
  }
  const draw = (): string => {
    const open = new Set(picker.open())
    return Array.from({ length: ours.length }, (_, piece) => {
      if (picker.have.has(piece)) return '*'
      if (!open.has(piece)) return '.'
      return `{${[...picker.blockStates(piece)].map((state) => '.?#'[state]).join('')}}`
    }).join('')
  }
  return { picker, peers, pick, deliver, draw }
}

/** The pieces in a list of picked blocks, in order, each once. */
export function pieceList(picked: string): number[] {
  return [
    ...new Set(
      picked
        .split(' ')
        .filter(Boolean)
        .map((block) => Number.parseInt(block, 10)),
    ),
  ]
}
