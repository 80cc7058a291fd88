/**
 * Prints docs/states.md from the table of states that the code runs from, src/torrent/states.ts.
 *
 *   node scripts/print-states.mjs
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { buildSync } from 'esbuild'

const HEAD = `# States of a torrent

Printed from \`src/torrent/states.ts\` by \`node scripts/print-states.mjs\`. \`torrent.state\` is the state, the event \`state\` tells of each change, and nothing happens that is not in the table: \`src/torrent/lifecycle.ts\` runs from it.
`

/** The page, of the exports of src/torrent/states.ts. */
export function statesPage({ STATES, STEPS, TRANSITIONS }) {
  const steps = Object.keys(STEPS)
  const states = Object.keys(STATES)
  const line = (cells) => `| ${cells.join(' | ')} |`
  const rule = (columns) => `|${'---|'.repeat(columns)}`
  return [
    HEAD,
    line(['state', 'means']),
    rule(2),
    ...states.map((state) => line([`\`${state}\``, STATES[state]])),
    '',
    line(['step', 'when']),
    rule(2),
    ...steps.map((step) => line([`\`${step}\``, STEPS[step]])),
    '',
    'State and step give the next state; an empty cell does not happen.',
    '',
    line(['', ...steps.map((step) => `\`${step}\``)]),
    rule(steps.length + 1),
    ...states.map((state) => line([`\`${state}\``, ...steps.map((step) => TRANSITIONS[state][step] ?? '')])),
    '',
  ].join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const entry = fileURLToPath(new URL('../src/torrent/states.ts', import.meta.url))
  const { outputFiles } = buildSync({ entryPoints: [entry], bundle: true, format: 'esm', write: false })
  const code = outputFiles[0].text
  const table = await import(`data:text/javascript,${encodeURIComponent(code)}`)
  writeFileSync(new URL('../docs/states.md', import.meta.url), statesPage(table))
}
