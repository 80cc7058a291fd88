/**
 * The life of a torrent as one table, which the code runs from: `lifecycle.ts` makes no step that is not here.
 * `docs/states.md` is printed from it.
 * @module
 */

/** `metadata` while a magnet's is fetched, `checking` existing data, `downloading`, `seeding` (all that is wanted is there), `paused`, `error`, `closed`. */
export type TorrentState = 'metadata' | 'checking' | 'downloading' | 'seeding' | 'paused' | 'error' | 'closed'

/** What happens to a torrent. */
export type TorrentStep = 'check' | 'rest' | 'seek' | 'download' | 'seed' | 'fail' | 'close'

/** What each state means. */
export const STATES: Readonly<Record<TorrentState, string>> = {
  metadata: 'A magnet link is all there is; peers are asked for what it names.',
  checking: 'What is on the disk is compared with the hashes.',
  downloading: 'Something that is wanted is missing; pieces are fetched and served.',
  seeding: 'All that is wanted is there, and served.',
  paused: 'Meant to stand still: no peers, no announces. The metadata may be unknown.',
  error: 'A fatal error stopped it: `torrent.error`. Nothing is lost that was verified.',
  closed: 'The end; all is released.',
}

/** When each step is made. */
export const STEPS: Readonly<Record<TorrentStep, string>> = {
  check:
    'the metadata became known, or `resume()` or `recheck()` after an error has to look at the disk (again)',
  rest: '`pause()`, or it came to where it would run but is not meant to: added paused, paused meanwhile',
  seek: '`resume()` without metadata',
  download: '`resume()`, a check ended, files were selected, pieces lost: something wanted is missing',
  seed: '`resume()`, a check ended, the last wanted piece was verified: nothing wanted is missing',
  fail: 'an error that the torrent does not survive: the disk is full, the metadata is of no use',
  close: '`close()`, `remove()`, or the session closes',
}

/** State and step give the next state. What is not here does not happen. */
export const TRANSITIONS: Readonly<
  Record<TorrentState, Readonly<Partial<Record<TorrentStep, TorrentState>>>>
> = {
  metadata: { check: 'checking', rest: 'paused', fail: 'error', close: 'closed' },
  checking: { rest: 'paused', download: 'downloading', seed: 'seeding', fail: 'error', close: 'closed' },
  downloading: { rest: 'paused', seed: 'seeding', fail: 'error', close: 'closed' },
  seeding: { rest: 'paused', download: 'downloading', fail: 'error', close: 'closed' },
  paused: {
    check: 'checking',
    seek: 'metadata',
    download: 'downloading',
    seed: 'seeding',
    fail: 'error',
    close: 'closed',
  },
  error: {
    check: 'checking',
    rest: 'paused',
    seek: 'metadata',
    download: 'downloading',
    seed: 'seeding',
    close: 'closed',
  },
  closed: {},
}

/** True while the torrent takes part in its swarm, or looks for one. */
export function isRunning(state: TorrentState): boolean {
  return state === 'metadata' || state === 'downloading' || state === 'seeding'
}
