/**
 * The life of a torrent: its state, whether it is meant to run, the error that stopped it, and the promises
 * that tell of all that. Adding, pausing, closing and a full disk all end here. `states.ts` has the table of
 * states, from which this runs.
 * @module
 */

import type { Metainfo } from '../metainfo/model.js'
import { abortable, Deferred } from '../util/async/deferred.js'
import { SharedTask } from '../util/async/shared-task.js'
import type { Bitfield } from '../util/bitfield.js'
import { errorCode, errorMessage, RarestError } from '../util/errors.js'
import type { Content } from './content.js'
import type { RecheckResult, TorrentEvents } from './events.js'
import type { Peering } from './peering.js'
import { isRunning, type TorrentState, type TorrentStep, TRANSITIONS } from './states.js'

export interface LifeParts {
  readonly peering: Peering
  /** Undefined until the metadata is known. */
  readonly content: () => Content | undefined
  /** ms, monotonic. */
  readonly now: () => number
  /** Emits an event in a turn of its own. */
  readonly tell: <K extends keyof TorrentEvents>(event: K, ...args: TorrentEvents[K]) => void
  /** Calls after the events told so far. */
  readonly later: (call: () => void) => void
  /** Something happened that the table of states does not have. */
  readonly bug: (message: string) => void
  /** A fatal error stopped the torrent. */
  readonly failed: (error: RarestError) => void
}

/** ms between two `checking` events: what an eye can follow; a check of small pieces would tell thousands a second. */
const PROGRESS_INTERVAL = 50

export class Life {
  readonly #parts: LifeParts
  #metadata = new Deferred<Metainfo>()
  #ready = new Deferred<void>()
  #done = new Deferred<'complete' | 'closed'>()
  /** Of the callers of `resume()`. */
  #resumed: Deferred<void> | undefined
  /** Settles when the swarm was left that was joined last. */
  #left: Promise<void> = Promise.resolve()
  readonly #abort = new AbortController()
  #state: TorrentState = 'metadata'
  #wantsRun: boolean
  /** The check under way: one that failed meanwhile changes nothing any more. */
  #check: object | undefined
  #checked = false
  /** The check of existing data that ran last looked at all of it. */
  #checkedAll = false
  #finished = false
  /** Everything was there once: what is fetched again after a loss is no new download. */
  #wasWhole = false
  #error: RarestError | undefined
  readonly #rechecks = new SharedTask<RecheckResult>((signal) => this.#recheck(signal))
  /** `resume()` was called while a re-check could still leave the error. */
  #resumes = false
  #closed: RarestError | undefined

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
    else this.#move('rest')
  }

  /** The metadata is known. {@link Life.check} follows. */
  learned(metainfo: Metainfo): void {
    const metadata = this.#metadata
    this.#parts.later(() => metadata.resolve(metainfo))
  }

  /** Checks what is on the disk, these pieces or all, and starts. */
  check(pieces: Bitfield | undefined): void {
    this.#move('check')
    void this.#open(pieces)
  }

  /** See `Torrent.pause`. */
  pause(signal: AbortSignal | undefined): Promise<void> {
    this.#wantsRun = false
    this.#endResume(new RarestError('torrent/paused', 'the torrent was paused'))
    const { peering, tell } = this.#parts
    const runs = isRunning(this.#state)
    if (runs) this.#move('rest')
    // A magnet keeps its peers while the data is checked.
    if (runs || peering.isRunning) this.#left = peering.stop('torrent/paused', 'the torrent was paused')
    if (runs) tell('paused')
    const told = this.#left.then(() => new Promise<void>((resolve) => this.#parts.later(resolve)))
    return unwatched(abortable(told, signal))
  }

  /** See `Torrent.resume`. */
  resume(signal: AbortSignal | undefined): Promise<void> {
    const resumed = this.#resumed ?? new Deferred<void>()
    if (this.#closed) resumed.reject(this.#closed)
    else {
      this.#wantsRun = true
      this.#resumed = resumed
      if (isRunning(this.#state)) this.#endResume(undefined)
      else if (this.#state === 'error' && this.#rechecks.isRunning) this.#resumes = true
      else this.#resume()
    }
    return unwatched(abortable(resumed.promise, signal))
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
    this.#check = undefined
    this.#move('fail')
    this.#left = this.#parts.peering.stop(wrapped.code, wrapped.message)
    const waiting = [this.#metadata, this.#ready, this.#done]
    this.#parts.later(() => {
      for (const deferred of waiting) deferred.reject(wrapped)
    })
    this.#endResume(wrapped)
    this.#parts.content()?.reading?.fail(wrapped)
    this.#parts.failed(wrapped)
  }

  /** Something is missing of what was complete: downloads again. */
  wantMore(): void {
    if (this.#closed || !this.#finished || this.#parts.content()?.picker.isDone !== false) return
    this.#finished = false
    // An error stays what `done` says until it is left.
    if (!this.#error) this.#done = new Deferred()
    if (this.#state === 'seeding') this.#move('download')
    this.#parts.peering.seek()
  }

  /** Tells, once, that all that is wanted is verified. */
  completeIfDone(): void {
    const picker = this.#parts.content()?.picker
    if (this.#closed || this.#error || this.#finished || !this.#checked || !picker?.isDone) return
    this.#finished = true
    if (this.#state === 'downloading') {
      this.#move('seed')
      if (picker.have.isFull) this.#parts.peering.completed(!this.#wasWhole)
    }
    this.#wasWhole ||= picker.have.isFull
    this.#parts.tell('done')
    const done = this.#done
    this.#parts.later(() => done.resolve('complete'))
  }

  /** The end: all that waits for something is told so. {@link Life.closed} follows. */
  close(error: RarestError): void {
    this.#closed = error
    this.#check = undefined
    this.#abort.abort(error)
    this.#move('close')
    this.#endResume(error)
    this.#rechecks.close(error)
    this.#parts.content()?.reading?.close(error)
    const waiting = [this.#metadata, this.#ready]
    this.#parts.later(() => {
      for (const deferred of waiting) deferred.reject(error)
    })
  }

  /** Everything is released. */
  closed(): void {
    const done = this.#done
    this.#parts.later(() => done.resolve('closed'))
  }

  /** The one place where the state changes. */
  #move(step: TorrentStep): void {
    const from = this.#state
    const to = TRANSITIONS[from][step]
    if (to === undefined) {
      this.#parts.bug(`a torrent that is "${from}" was told to ${step}`)
      return
    }
    this.#state = to
    this.#parts.tell('state', from, to)
    if (isRunning(to)) this.#endResume(undefined)
  }

  /** Tells the callers of `resume()` how it ended. */
  #endResume(error: RarestError | undefined): void {
    const resumed = this.#resumed
    this.#resumed = undefined
    if (resumed) this.#parts.later(() => (error ? resumed.reject(error) : resumed.resolve()))
  }

  async #open(pieces: Bitfield | undefined): Promise<void> {
    const { peering, tell, later } = this.#parts
    const content = this.#parts.content() as Content
    const { store, metainfo, selection } = content
    const check = {}
    this.#check = check
    try {
      await store.open()
      this.#checkedAll = pieces === undefined
      if (!selection.isAll) await store.setWanted(selection.wantedFiles())
      if (!pieces?.isEmpty) {
        const progress = this.#progress(pieces ? pieces.count : metainfo.pieceCount)
        await store.check({
          ...(pieces ? { pieces } : {}),
          signal: this.#abort.signal,
          onProgress: () => progress.step(),
        })
      }
      if (this.#check !== check) return
      content.checked()
      if (this.#wantsRun) await store.createEmptyFiles()
      if (this.#check !== check) return
      this.#checked = true
      peering.prepare(content)
      content.openReading(new RarestError('torrent/checked', 'the data was checked again'))
      if (this.#wantsRun) this.#run()
      else this.#move('rest')
      tell('ready')
      const ready = this.#ready
      later(() => ready.resolve())
      this.completeIfDone()
    } catch (error) {
      if (this.#check === check) this.fail(error)
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
      const ready = this.#ready
      if (content) this.#parts.later(() => ready.resolve())
    } else if (this.#state !== 'paused') return
    this.#run()
    content?.store.createEmptyFiles().catch((error: unknown) => this.fail(error))
    this.#parts.tell('resumed')
    this.completeIfDone()
  }

  /** One re-check, for all callers. */
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
    const progress = this.#progress(metainfo.pieceCount)
    try {
      const changes = await store.recheck({ signal, onProgress: () => progress.step() })
      progress.end()
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
    const ready = this.#ready
    this.#parts.later(() => ready.resolve())
    this.#move('rest')
    this.completeIfDone()
  }

  #leaveError(): void {
    const content = this.#parts.content()
    this.#error = undefined
    if (!content) this.#metadata = new Deferred()
    this.#done = new Deferred()
    this.#ready = new Deferred()
    this.#finished = false
    content?.store.retry()
  }

  #run(): void {
    const content = this.#parts.content()
    this.#move(!content ? 'seek' : content.picker.isDone ? 'seed' : 'download')
    this.#parts.peering.start()
  }

  /** Tells how far a check of so many pieces is: every so often, and in the end. */
  #progress(pieces: number): { step(): void; end(): void } {
    const { now, tell } = this.#parts
    let checked = 0
    let due = now()
    return {
      step() {
        checked = Math.min(checked + 1, pieces)
        if (checked < pieces && now() < due) return
        due = now() + PROGRESS_INTERVAL
        tell('checking', checked, pieces)
      },
      end() {
        if (checked === pieces) return
        checked = pieces
        tell('checking', pieces, pieces)
      },
    }
  }
}

/** Nobody has to wait for it: no `unhandledRejection`. */
function unwatched<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {})
  return promise
}

function recheckResult(
  { picker: { have } }: Content,
  changes: { readonly lost: number; readonly found: number },
): RecheckResult {
  const { length: pieces, count: valid } = have
  return { pieces, valid, missing: pieces - valid, complete: have.isFull, ...changes }
}
