export const BLOCK_LENGTH = 16384;

export class Bitfield {
  readonly length: number;
  constructor(length: number, bytes?: Uint8Array);
  static parse(bytes: Uint8Array, length: number): Bitfield | undefined;
  static full(length: number): Bitfield;
  get count(): number;
  get isFull(): boolean;
  get isEmpty(): boolean;
  get bytes(): Uint8Array;
  has(index: number): boolean;
  add(index: number): boolean;
  delete(index: number): boolean;
  next(from: number, end?: number): number;
  nextMissing(from: number): number;
  clone(): Bitfield;
  [Symbol.iterator](): Generator<number, void, undefined>;
}

export interface Block extends Range {
}

export interface FileSlice {
  readonly file: number;
  readonly offset: number;
  readonly length: number;
}

export class Layout {
  readonly pieceLength: number;
  readonly pieceCount: number;
  readonly size: number;
  readonly files: readonly LayoutFile[];
  readonly offsets: Float64Array;
  readonly blocksPerPiece: number;
  readonly aligned: boolean;
  constructor(files: readonly LayoutFile[], pieceLength: number, options?: LayoutOptions);
  pieceSize(piece: number): number;
  pieceSpan(piece: number): number;
  blockCount(piece: number): number;
  blockAt(piece: number, index: number): Block;
  isBlock(piece: number, begin: number, length: number): boolean;
  isRange(piece: number, begin: number, length: number): boolean;
  slices(piece: number, begin: number, length: number): FileSlice[];
  fileAt(position: number): number;
  piecesOf(file: number): {
    readonly first: number;
    readonly last: number;
  } | undefined;
}

export interface LayoutFile {
  readonly length: number;
  readonly pad: boolean;
}

export interface LayoutOptions {
  readonly aligned?: boolean;
}

export class Picker<Owner> {
  readonly have: Bitfield;
  constructor(options: PickerOptions);
  get maxOpenPieces(): number;
  set maxOpenPieces(count: number);
  get sequential(): boolean;
  set sequential(sequential: boolean);
  get isDone(): boolean;
  get openPieces(): number;
  get starved(): boolean;
  addPeer(owner: Owner): PickerPeer<Owner>;
  removePeer(peer: PickerPeer<Owner>): void;
  choked(peer: PickerPeer<Owner>): void;
  unchoked(peer: PickerPeer<Owner>): void;
  allowFast(peer: PickerPeer<Owner>, piece: number): void;
  setSnubbed(peer: PickerPeer<Owner>, isSnubbed: boolean): void;
  setParole(peer: PickerPeer<Owner>, isOnParole: boolean): void;
  setFastRun(peer: PickerPeer<Owner>, blocks: number): void;
  setPieces(peer: PickerPeer<Owner>, pieces: Bitfield): void;
  peerHas(peer: PickerPeer<Owner>, piece: number): void;
  peerLost(peer: PickerPeer<Owner>, piece: number): void;
  suggested(peer: PickerPeer<Owner>, piece: number): void;
  isInteresting(peer: PickerPeer<Owner>): boolean;
  pick(peer: PickerPeer<Owner>, count: number, now: number, out: Block[]): number;
  received(peer: PickerPeer<Owner>, piece: number, begin: number, cancels: PickerPeer<Owner>[]): 'fresh' | 'duplicate';
  isComplete(piece: number): boolean;
  rejected(peer: PickerPeer<Owner>, piece: number, begin: number): void;
  dropRequest(peer: PickerPeer<Owner>, piece: number, begin: number): boolean;
  dropRequests(peer: PickerPeer<Owner>): void;
  verified(piece: number): void;
  failed(piece: number): Owner[];
  failedBlocks(piece: number, blocks: readonly number[]): Owner[];
  contributors(piece: number): Owner[];
  requests(piece: number): {
    readonly owner: Owner;
    readonly begin: number;
  }[];
  senders(piece: number): (Owner | undefined)[];
  evict(now: number): number | undefined;
  wanted(piece: number): boolean;
  setPriority(piece: number, priority: number): void;
  setPriorities(priorities: ArrayLike<number>): void;
  setDeadline(piece: number, at: number | undefined): void;
  availability(piece: number): number;
  get stats(): PickerStats;
  blockStates(piece: number): Uint8Array;
  open(): number[];
  restore(piece: number, receivedBlocks: Iterable<number>): void;
  unverify(piece: number): void;
  checkInvariants(): void;
}

export interface PickerOptions {
  readonly layout: Layout;
  readonly random: Random;
  readonly have?: Bitfield;
  readonly maxOpenPieces?: number;
}

export interface PickerPeer<Owner> {
  readonly owner: Owner;
  readonly outstanding: number;
  readonly isSeed: boolean;
  readonly isChoked: boolean;
  readonly isSnubbed: boolean;
  readonly allowedFast: ReadonlySet<number>;
}

export interface PickerStats {
  readonly missingPieces: number;
  readonly openPieces: number;
  readonly requestedBlocks: number;
  readonly rarest: number;
  readonly distributedCopies: number;
}

export interface Random {
  uint32(): number;
  bytes(length: number): Uint8Array;
}

export interface Range {
  readonly piece: number;
  readonly begin: number;
  readonly length: number;
}
