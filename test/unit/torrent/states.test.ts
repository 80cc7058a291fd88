import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { statesPage } from '../../../scripts/print-states.mjs'
import { isRunning, STATES, STEPS, type TorrentState, TRANSITIONS } from '../../../src/torrent/states.js'

const states = Object.keys(STATES) as TorrentState[]

describe('states of a torrent', () => {
  it('are on their page as the code has them', () => {
    const page = readFileSync(new URL('../../../docs/states.md', import.meta.url), 'utf8')
    expect(page, 'run node scripts/print-states.mjs').toBe(statesPage({ STATES, STEPS, TRANSITIONS }))
  })

  it('can all be reached, can all be closed, and none leaves `closed`', () => {
    const reached = new Set<TorrentState>(['metadata'])
    for (const state of reached) for (const next of Object.values(TRANSITIONS[state])) reached.add(next)
    expect([...reached].toSorted()).toEqual(states.toSorted())
    for (const state of states) if (state !== 'closed') expect(TRANSITIONS[state].close, state).toBe('closed')
    expect(TRANSITIONS.closed).toEqual({})
  })

  it('never lead to themselves: each change is one', () => {
    for (const state of states) expect(Object.values(TRANSITIONS[state]), state).not.toContain(state)
  })

  it('that run can be paused', () => {
    for (const state of states.filter(isRunning)) expect(TRANSITIONS[state].rest, state).toBe('paused')
  })
})
