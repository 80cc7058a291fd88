/**
 * What a torrent is made of, known once its metadata is: files, the store that holds them, what is
 * wanted of them and what is there.
 * @module
 */

import { dirname } from 'node:path'
import { filePathOf } from '../metainfo/file-path.js'
import { HashTrees } from '../metainfo/hash-trees.js'
import type { Metainfo } from '../metainfo/model.js'
import { pieceChannel } from '../net/diagnostics.js'
import type { World } from '../net/world.js'
import { Picker } from '../picker/picker.js'
import type { StorageBackend } from '../storage/backend/backend.js'
import { MerkleVerifier } from '../storage/merkle-verifier.js'
import { Store } from '../storage/store.js'
import { Bitfield } from '../util/bitfield.js'
import type { RarestError } from '../util/errors.js'
import { FileCompletion } from './files/completion.js'
import { ContentFile } from './files/file.js'
import type { TorrentFile } from './files/file-api.js'
import { Reading, type ReadRange } from './files/reading.js'
import { Selection } from './files/selection.js'
import { verifiedBytes } from './files/verified-bytes.js'
import { idOf } from './infohashes.js'
import type { KnownPeer } from './peers/peer-list.js'

export interface ContentOptions {
  readonly metainfo: Metainfo
  readonly backend: StorageBackend
  readonly world: World
  /** Bytes of memory for pieces under way, and for cached reads. */
  readonly pieceBudget: number
  readonly readBudget: number
  readonly sequential: boolean
  readonly on: ContentListener
}

/** What content tells its torrent: what a user hears of. */
export interface ContentListener {
  /** A piece is written, or was found on the disk. */
  verified(piece: number): void
  /** A verified piece is no longer on the disk. */
  lost(piece: number): void
  error(error: RarestError): void
  /** A reader waits: peers are to be asked anew. */
  urgent(): void
  prioritise(file: number, priority: number): void
  /** Reads on in a range, see {@link Content.read}; only the torrent knows when that may be done. */
  read(range: ReadRange, most: number): Promise<Uint8Array>
}

/** What becomes of pieces, for those who exchange them: comes before the torrent hears of it. See `StoreEvents`. */
export interface ContentObserver {
  verified(piece: number): void
  lost(piece: number): void
  /** {@link ContentObserver.verified} follows. */
  found(piece: number): void
  failed(piece: number): void
  doubtful(piece: number): void
  drained(): void
}

export class Content {
  readonly metainfo: Metainfo
  /** Without pad files; the order is that of the torrent. */
  readonly files: readonly TorrentFile[]
  readonly store: Store
  readonly selection: Selection
  /** Of a v2 or hybrid torrent. */
  readonly trees: HashTrees | undefined
  picker: Picker<KnownPeer>
  /** After the data was checked. */
  reading: Reading | undefined
  /** After the data was checked. */
  completion: FileCompletion | undefined
  readonly #options: ContentOptions
  #observer: ContentObserver | undefined

  constructor(options: ContentOptions) {
    const { metainfo, backend, world, on } = options
    this.#options = options
    this.metainfo = metainfo
    const host = {
      fileVerified: (index: number) => verifiedBytes(metainfo, this.picker.have, index),
      fileLocation: (index: number) => this.store.locationOf(index),
      filePriority: (index: number) => this.selection.priority(index),
      setFilePriority: on.prioritise,
      rangeOf: (index: number, start: number, end: number, signal: AbortSignal | undefined) =>
        this.#rangeOf(index, start, end, signal),
      read: on.read,
      leave: (range: ReadRange) => this.reading?.leave(range),
    }
    this.files = metainfo.files.flatMap((file, index) =>
      file.pad ? [] : [new ContentFile(host, index, file)],
    )
    this.selection = new Selection(metainfo)
    this.trees = metainfo.version === '1' ? undefined : new HashTrees(metainfo)
    this.store = new Store({
      layout: metainfo.layout,
      files: metainfo.files.map((file) => ({
        ...filePathOf(metainfo, file),
        length: file.length,
        pad: file.pad,
        symlink: file.symlink !== undefined,
      })),
      backend,
      pieces: metainfo.pieces,
      ...(this.trees ? { verifier: new MerkleVerifier(this.trees, metainfo.layout, metainfo.pieces) } : {}),
      defer: (call) => world.defer(call),
      budget: options.pieceBudget,
      readBudget: options.readBudget,
      on: {
        verified: (piece) => this.#verified(piece),
        lost: (piece) => this.#lost(piece),
        found: (piece) => {
          this.#observer?.found(piece)
          this.#verified(piece)
        },
        failed: (piece) => {
          if (pieceChannel.hasSubscribers) {
            const infoHash = idOf({ v1: metainfo.infoHash, v2: metainfo.infoHashV2 })
            pieceChannel.publish({ type: 'failed', infoHash, piece })
          }
          this.#observer?.failed(piece)
        },
        doubtful: (piece) => this.#observer?.doubtful(piece),
        drained: () => this.#observer?.drained(),
        error: on.error,
      },
    })
    this.picker = this.#makePicker(new Bitfield(metainfo.pieceCount), options.sequential)
  }

  /** Verified bytes, pads left out. */
  get verified(): number {
    return verifiedBytes(this.metainfo, this.picker.have)
  }

  /** The folder on the disk that the paths of {@link files} are below, once the store is open. */
  get path(): string | undefined {
    for (const { absolutePath, path } of this.files)
      if (absolutePath !== undefined) return path.split('/').reduce((folder) => dirname(folder), absolutePath)
    return undefined
  }

  /** Changes the memory for pieces under way and for cached reads, bytes each. */
  budgets(pieces: number, reads: number): void {
    this.store.budget = pieces
    this.store.readBudget = reads
    this.picker.maxOpenPieces = this.store.maxOpenPieces
  }

  /** Wants exactly these files (indices into {@link files}). Throws RangeError for an index that is none. */
  select(indices: readonly number[]): void {
    this.selection.only(
      indices.map((index) => {
        const file = this.files[index]
        if (!file) throw new RangeError(`file index must be in 0 .. ${this.files.length - 1}, got ${index}`)
        return file.index
      }),
    )
  }

  /** From now on this one is told, in the place of the one before, what becomes of pieces. */
  observe(observer: ContentObserver): void {
    this.#observer = observer
  }

  /** The store was checked: starts anew from what is there. */
  checked(): void {
    // A picker that starts anew knows nothing of pieces half way there.
    for (let piece = 0; piece < this.metainfo.pieceCount; piece++) this.store.abandon(piece)
    this.picker = this.#makePicker(this.store.verified.clone(), this.picker.sequential)
    this.completion = new FileCompletion(this.metainfo, this.selection, this.picker.have)
  }

  /** Lets streams read what is there, and wait for the rest. */
  openReading(replaced: RarestError): void {
    this.reading?.close(replaced)
    const { layout } = this.metainfo
    this.reading = new Reading(layout, this.store, this.picker, this.#options.on.urgent)
  }

  /** The bytes of a piece, to be read with {@link Content.read}. */
  pieceRange(piece: number, signal: AbortSignal | undefined): ReadRange {
    const { layout } = this.metainfo
    const position = piece * layout.pieceLength
    return { position, end: position + layout.pieceSize(piece), signal }
  }

  /** Up to `most` of the next verified bytes of a range, waiting for them if need be. After {@link Content.openReading}. */
  read(range: ReadRange, most: number): Promise<Uint8Array> {
    return (this.reading as Reading).read(range, most, this.#options.world.now())
  }

  #rangeOf(file: number, start: number, end: number, signal: AbortSignal | undefined): ReadRange {
    const offset = this.metainfo.layout.offsets[file] as number
    return { position: offset + start, end: offset + end, signal }
  }

  #verified(piece: number): void {
    this.selection.verified(piece)
    this.#observer?.verified(piece)
    this.reading?.verified(piece)
    this.#options.on.verified(piece)
  }

  #lost(piece: number): void {
    if (this.picker.have.has(piece)) {
      this.selection.lost(piece)
      this.completion?.lost(piece)
    }
    this.#observer?.lost(piece)
    this.#options.on.lost(piece)
  }

  #makePicker(have: Bitfield, sequential: boolean): Picker<KnownPeer> {
    const { metainfo, world } = this.#options
    const picker = new Picker<KnownPeer>({
      layout: metainfo.layout,
      random: world.random,
      have,
      maxOpenPieces: this.store.maxOpenPieces,
    })
    picker.setPriorities(this.selection.pieces(have))
    picker.sequential = sequential
    return picker
  }
}
