/**
 * The life of a torrent: its state, whether it is meant to run, the error that stopped it, and the promises
 * that tell of all that. Whoever adds it, pauses it or finds the disk full ends here.
 *
 * | state | leaves it by |
 * |---|---|
 * | `metadata` | `check` -> `checking`; `pause` -> `paused` |
 * | `checking` | data checked -> `downloading` or `seeding`, or `paused` when it is not meant to run |
 * | `downloading` | `completeIfDone` -> `seeding`; `pause` -> `paused` |
 * | `seeding` | `wantMore` -> `downloading`; `pause` -> `paused` |
 * | `paused` | `resume` -> `metadata`, `downloading` or `seeding` |
 * | `error` | `resume`, a `recheck` that could read everything -> `checking` or as from `paused` |
 * | any | `fail` -> `error`; `close` -> `closed`, for good |
 * @module
 */

import type { EventEmitter } from 'node:events'
import type { Metainfo } from '../metainfo/model.js'
import { abortable, Deferred } from '../util/async/deferred.js'
import { SharedRun } from '../util/async/shared-task.js'
import type { Bitfield } from '../util/bitfield.js'
import { errorCode, errorMessage, RarestError } from '../util/errors.js'
import type { Content } from './content.js'
import type { RecheckResult, TorrentEvents, TorrentState } from './events.js'
import type { Peering } from './peering.js'

export interface LifeParts {
  readonly peering: Peering
  /** Undefined until the metadata is known. */
  readonly content: () => Content | undefined
  /** Is told `checking`, `ready`, `resumed`, `paused` and `done`. */
  readonly events: EventEmitter<TorrentEvents>
  /** A fatal error stopped the torrent. */
  readonly failed: (error: RarestError) => void
}

export class Life {
  readonly #parts: LifeParts
  readonly #metadata = new Deferred<Metainfo>()
  #ready = new Deferred<void>()
  #done = new Deferred<'complete' | 'closed'>()
  readonly #abort = new AbortController()
  #state: TorrentState = 'metadata'
  #wantsRun: boolean
  #checked = false
  /** The check of existing data that ran last looked at all of it. */
  #checkedAll = false
  #finished = false
  /** Everything was there once: what is fetched again after a loss is no new download. */
  #wasWhole = false
  #error: RarestError | undefined
  readonly #rechecks = new SharedRun<RecheckResult>((signal) => this.#recheck(signal))
  /** `resume()` was called while a re-check could still leave the error. */
  #resumes = false
  #closed = false

  /** `wantsRun`: false for a torrent that is added paused. */
  constructor(parts: LifeParts, wantsRun: boolean) {
    this.#parts = parts
    this.#wantsRun = wantsRun
  }

  /** This and the four below: see the getters of `Torrent`. */
  get state(): TorrentState {
    return this.#state
  }

  get error(): RarestError | undefined {
    return this.#error
  }

  get metadata(): Promise<Metainfo> {
    return this.#metadata.promise
  }

  get ready(): Promise<void> {
    return this.#ready.promise
  }

  get done(): Promise<'complete' | 'closed'> {
    return this.#done.promise
  }

  /** Looks for the metadata, unless it is added paused. */
  seekMetadata(): void {
    if (this.#wantsRun) this.#parts.peering.start()
    else this.#state = 'paused'
  }

  /** The metadata is known. {@link Life.check} follows. */
  learned(metainfo: Metainfo): void {
    this.#metadata.resolve(metainfo)
  }

  /** The metadata cannot be used. */
  misled(error: unknown): void {
    this.#metadata.reject(error)
    this.fail(error)
  }

  /** Checks what is on the disk, these pieces or all, and starts. */
  check(pieces: Bitfield | undefined): void {
    this.#state = 'checking'
    void this.#open(pieces)
  }

  /** See `Torrent.pause`. */
  pause(): void {
    this.#wantsRun = false
    if (this.#state !== 'metadata' && this.#state !== 'downloading' && this.#state !== 'seeding') return
    this.#state = 'paused'
    void this.#parts.peering.stop('torrent/paused', 'the torrent was paused')
    this.#parts.events.emit('paused')
  }

  /** See `Torrent.resume`. */
  resume(): void {
    this.#wantsRun = true
    if (this.#state === 'error' && this.#rechecks.isRunning) this.#resumes = true
    else this.#resume()
  }

  /** See `Torrent.recheck`. */
  recheck(signal: AbortSignal | undefined): Promise<RecheckResult> {
    return this.#rechecks.join(signal)
  }

  /** Stops with a fatal error, unless there is one or the end has come. */
  fail(error: unknown): void {
    if (this.#error || this.#closed) return
    const wrapped =
      error instanceof RarestError
        ? error
        : new RarestError(errorCode(error), errorMessage(error), { cause: error })
    this.#error = wrapped
    this.#state = 'error'
    void this.#parts.peering.stop(wrapped.code, wrapped.message)
    this.#ready.reject(wrapped)
    this.#done.reject(wrapped)
    this.#parts.content()?.reading?.fail(wrapped)
    this.#parts.failed(wrapped)
  }

  /** Something is missing of what was complete: downloads again. */
  wantMore(): void {
    if (!this.#finished || this.#parts.content()?.picker.isDone !== false) return
    this.#finished = false
    // An error stays what `done` says until it is left.
    if (!this.#error) this.#done = new Deferred()
    if (this.#state === 'seeding') this.#state = 'downloading'
    this.#parts.peering.seek()
  }

  /** Tells, once, that all that is wanted is verified. */
  completeIfDone(): void {
    const picker = this.#parts.content()?.picker
    if (this.#finished || !this.#checked || !picker?.isDone) return
    this.#finished = true
    if (this.#state === 'downloading') {
      this.#state = 'seeding'
      if (picker.have.isFull) this.#parts.peering.completed(!this.#wasWhole)
    }
    this.#wasWhole ||= picker.have.isFull
    this.#done.resolve('complete')
    this.#parts.events.emit('done')
  }

  /** The end: whoever waits for something is told so. {@link Life.closed} follows. */
  close(error: RarestError): void {
    this.#closed = true
    this.#abort.abort(error)
    this.#state = 'closed'
    this.#rechecks.close(error)
    this.#parts.content()?.reading?.close(error)
    this.#metadata.reject(error)
    this.#ready.reject(error)
  }

  /** Everything is released. */
  closed(): void {
    this.#done.resolve('closed')
  }

  async #open(pieces: Bitfield | undefined): Promise<void> {
    const { peering, events } = this.#parts
    const content = this.#parts.content() as Content
    const { store, metainfo, selection } = content
    try {
      await store.open()
      this.#checkedAll = pieces === undefined
      if (!selection.isAll) await store.setWanted(selection.wantedFiles())
      if (!pieces?.isEmpty) {
        await store.check({
          ...(pieces ? { pieces } : {}),
          signal: this.#abort.signal,
          onProgress: (checked) => events.emit('checking', checked, metainfo.pieceCount),
        })
      }
      if (this.#closed) return
      content.checked()
      if (this.#wantsRun) await store.createEmptyFiles()
      if (this.#closed) return
      this.#checked = true
      peering.prepare(content)
      content.openReading(new RarestError('torrent/checked', 'the data was checked again'))
      if (this.#wantsRun) this.#run()
      else this.#state = 'paused'
      this.#ready.resolve()
      events.emit('ready')
      this.completeIfDone()
    } catch (error) {
      if (!this.#closed) this.fail(error)
    }
  }

  #resume(): void {
    const content = this.#parts.content()
    if (this.#state === 'error') {
      this.#leaveError()
      const suspects = content?.store.suspects
      if (content && (!this.#checked || suspects)) {
        this.check(this.#checked ? suspects : undefined)
        return
      }
      if (content) this.#ready.resolve()
    } else if (this.#state !== 'paused') return
    this.#run()
    content?.store.createEmptyFiles().catch((error: unknown) => this.fail(error))
    this.#parts.events.emit('resumed')
    this.completeIfDone()
  }

  /** One re-check, for all who asked for it. */
  async #recheck(signal: AbortSignal): Promise<RecheckResult> {
    const content = this.#parts.content()
    if (!content) throw this.#error ?? new RarestError('torrent/no-metadata', 'the metadata is not known yet')
    const { store, metainfo } = content
    if (this.#error && !this.#checked) {
      this.#leaveError()
      this.check(undefined)
    }
    if (this.#state === 'checking') {
      await abortable(this.#ready.promise, signal)
      if (this.#checkedAll) return recheckResult(content, { lost: 0, found: content.picker.have.count })
    }
    const failure = this.#error
    try {
      const changes = await store.recheck({
        signal,
        onProgress: (checked) => this.#parts.events.emit('checking', checked, metainfo.pieceCount),
      })
      if (failure && failure === this.#error) this.#recovered()
      else if (changes.found > 0 && !this.#error) await store.createEmptyFiles()
      return recheckResult(content, changes)
    } catch (error) {
      if (!signal.aborted) this.fail(error)
      throw error
    } finally {
      if (this.#resumes && this.#state === 'error') this.#resume()
      this.#resumes = false
    }
  }

  /** Everything could be read: what stopped the torrent is over. */
  #recovered(): void {
    if (this.#wantsRun) {
      this.#resume()
      return
    }
    this.#leaveError()
    this.#ready.resolve()
    this.#state = 'paused'
    this.completeIfDone()
  }

  #leaveError(): void {
    this.#error = undefined
    this.#done = new Deferred()
    this.#ready = new Deferred()
    this.#finished = false
    this.#parts.content()?.store.retry()
  }

  #run(): void {
    const content = this.#parts.content()
    this.#state = !content ? 'metadata' : content.picker.isDone ? 'seeding' : 'downloading'
    this.#parts.peering.start()
  }
}

function recheckResult(
  { picker: { have } }: Content,
  changes: { readonly lost: number; readonly found: number },
): RecheckResult {
  const { length: pieces, count: valid } = have
  return { pieces, valid, missing: pieces - valid, complete: have.isFull, ...changes }
}
