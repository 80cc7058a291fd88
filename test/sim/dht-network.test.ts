/** A network of real node cores: the figures of `bench/dht-sim.mjs` at a size that fits a test run. */
import { expect, it } from 'vitest'
import { size } from '../support/depth.js'
import { Scenario } from '../support/dht-scenario.js'

const MINUTE = 60_000
const SEED = 7
const NODES = size(200, 400)
const LOOKUPS = size(50, 100)

it(`${NODES} nodes find announced peers under churn and loss, quietly`, () => {
  const scenario = new Scenario(SEED)
  const { network } = scenario
  scenario.grow(NODES, 2 * MINUTE)
  scenario.churn(0.2, network.now + 22 * MINUTE)
  network.run(network.now + MINUTE)
  expect(scenario.traffic(2 * MINUTE), `seed ${SEED}`).toBeLessThan(300)
  const found = scenario.findAnnounced(LOOKUPS, undefined, MINUTE)
  expect([found.found, found.lookups], `seed ${SEED}`).toEqual([LOOKUPS, LOOKUPS])
  expect(found.medianRounds, `seed ${SEED}`).toBeLessThanOrEqual(5)
  expect(found.medianQueries, `seed ${SEED}`).toBeLessThanOrEqual(40)
  for (const host of scenario.hosts) host.node.checkInvariants()
}, 120_000)

it('items are read after half of the nodes left', () => {
  const scenario = new Scenario(SEED)
  scenario.grow(100, 3 * MINUTE)
  scenario.network.run(scenario.network.now + 5 * MINUTE)
  expect(scenario.readAfterExodus(10), `seed ${SEED}`).toBe(10)
}, 120_000)

it('finds honest peers behind a thousand sybils that are not entitled to their ids', () => {
  const scenario = new Scenario(SEED)
  const { network } = scenario
  scenario.grow(100, 3 * MINUTE)
  const targets = [network.random.bytes(20), network.random.bytes(20)]
  for (const target of targets) scenario.surround(target, false)
  network.run(network.now + 5 * MINUTE)
  const { found, lookups } = scenario.findAnnounced(targets.length, targets)
  expect([found, lookups], `seed ${SEED}`).toEqual([2, 2])
}, 120_000)
