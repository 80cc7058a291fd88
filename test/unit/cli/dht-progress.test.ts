import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { LookupProgress } from '../../../src/cli/dht-progress.js'

const stats = (queries: number, duration: number) => ({
  queries,
  responded: queries - 1,
  timedOut: 0,
  rounds: 1,
  stored: 0,
  duration,
})

let printed: string[]

beforeEach(() => {
  printed = []
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed.push(String(text))
    return true
  })
})

afterEach(() => {
  vi.restoreAllMocks()
})

function terminal(isTTY: boolean) {
  const written: string[] = []
  return { isTTY, written, write: (text: string) => written.push(text) }
}

describe('the progress of a look-up', () => {
  it('is one line on a terminal, out of the way of what is found', () => {
    const screen = terminal(true)
    const progress = new LookupProgress({}, screen)
    progress.report(stats(5, 250))
    progress.tell({ event: 'peer' }, '1.2.3.4:5')
    progress.report(stats(9, 500))
    progress.end()
    progress.end()
    expect(screen.written).toEqual([
      '\r\u001b[K5 nodes asked, 4 answered',
      '\r\u001b[K',
      '\r\u001b[K9 nodes asked, 8 answered, 1 found',
      '\r\u001b[K',
    ])
    expect(printed).toEqual(['1.2.3.4:5\n'])
  })

  it('is twice a second and once at the end for programs', () => {
    const screen = terminal(true)
    const progress = new LookupProgress({ json: true }, screen)
    for (const ms of [250, 500, 750, 1000]) progress.report(stats(ms, ms))
    progress.tell({ event: 'peer', peer: 'x' }, 'x')
    progress.end()
    expect(printed.map((line) => JSON.parse(line))).toEqual([
      { event: 'progress', queries: 250, responded: 249, found: 0, ms: 250 },
      { event: 'progress', queries: 750, responded: 749, found: 0, ms: 750 },
      { event: 'peer', peer: 'x' },
      { event: 'progress', queries: 1000, responded: 999, found: 1, ms: 1000 },
    ])
    expect(screen.written).toEqual([])
  })

  it('is nothing where nobody looks', () => {
    const screen = terminal(false)
    const progress = new LookupProgress({}, screen)
    progress.report(stats(5, 250))
    progress.end()
    expect([screen.written, printed]).toEqual([[], []])
  })
})
