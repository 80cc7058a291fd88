/**
 * Vitest's usual output; with `RAREST_REPORTS=<directory>` also `<name>.json` there, from which
 * `.ci/run` counts.
 */
export function reporters(name: string): {
  reporters: ['default'] | ['default', ['json', { outputFile: string }]]
} {
  const directory = process.env.RAREST_REPORTS
  if (!directory) return { reporters: ['default'] }
  return { reporters: ['default', ['json', { outputFile: `${directory}/${name}.json` }]] }
}
