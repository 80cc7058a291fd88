/**
 * How deep tests look: one factor for the number of runs of every property and of every random world.
 * `RAREST_TEST_DEPTH` sets it; 1 is what `npm test` takes, `.ci/run` takes more.
 * @module
 */

/** The factor, at least 1: fewer runs than at depth 1 would prove too little. */
export const depth: number = parseDepth(process.env.RAREST_TEST_DEPTH)

/** Number of runs of something random that `atDepthOne` runs are enough for while one works on the code. */
export function runs(atDepthOne: number): number {
  return Math.ceil(atDepthOne * depth)
}

/** How large a simulated world is whose size costs time: `deep` from twice the depth on. */
export function size(atDepthOne: number, deep: number): number {
  return depth >= 2 ? deep : atDepthOne
}

function parseDepth(text: string | undefined): number {
  if (text === undefined || text === '') return 1
  const factor = Number(text)
  if (!(factor >= 1 && factor <= 1_000)) {
    throw new RangeError(`RAREST_TEST_DEPTH is a number from 1 to 1000, not ${JSON.stringify(text)}`)
  }
  return factor
}
