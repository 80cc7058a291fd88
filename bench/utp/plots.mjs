/**
 * Draws the plots of docs/utp.md: runs the simulations of series.ts and writes them as SVG.
 *
 *   node bench/utp/plots.mjs
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const here = fileURLToPath(new URL('./', import.meta.url))
const target = fileURLToPath(new URL('../../docs/utp/', import.meta.url))
const bundle = `${here}../.build/utp-series.mjs`

const WIDTH = 760
const PANEL = 150
const LEFT = 52
const RIGHT = 16
const TOP = 34
const GAP = 44
const COLOURS = ['#1f6fb4', '#d1622b']

await build({
  entryPoints: [`${here}series.ts`],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  logLevel: 'warning',
})
const { plots } = await import(pathToFileURL(bundle))
rmSync(bundle)
mkdirSync(target, { recursive: true })
for (const plot of plots) {
  writeFileSync(`${target}${plot.file}`, draw(plot))
  console.log(`docs/utp/${plot.file}`)
}

function draw({ title, times, panels }) {
  const height = TOP + panels.length * (PANEL + GAP)
  const last = Math.ceil(times.at(-1))
  const x = (time) => round(LEFT + (time / last) * (WIDTH - LEFT - RIGHT))
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="sans-serif" font-size="11">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="${LEFT}" y="18" font-size="13" fill="#222">${title}</text>`,
  ]
  panels.forEach((panel, index) => {
    const top = TOP + index * (PANEL + GAP) + 14
    const bottom = top + PANEL
    const y = (value) => round(bottom - (Math.min(value, panel.top) / panel.top) * PANEL)
    parts.push(`<text x="${LEFT}" y="${top - 5}" fill="#444">${panel.title}</text>`)
    for (let step = 0; step <= 3; step++) {
      const value = (panel.top * step) / 3
      parts.push(
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>`,
        `<text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end" fill="#666">${Math.round(value)}</text>`,
      )
    }
    for (let second = 0; second <= last; second += 10) {
      parts.push(
        `<text x="${x(second)}" y="${bottom + 14}" text-anchor="middle" fill="#666">${second}${second === last ? ' s' : ''}</text>`,
      )
    }
    if (panel.mark) {
      const at = y(panel.mark.value)
      parts.push(
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at}" y2="${at}" stroke="#888" stroke-dasharray="4 3"/>`,
        `<text x="${WIDTH - RIGHT}" y="${at - 4}" text-anchor="end" fill="#666">${panel.mark.name}</text>`,
      )
    }
    panel.lines.forEach((line, i) => {
      const points = line.values.map((value, n) => `${x(times[n])},${y(value)}`).join(' ')
      parts.push(`<polyline points="${points}" fill="none" stroke="${COLOURS[i]}" stroke-width="1.2"/>`)
      if (panel.lines.length > 1)
        parts.push(
          `<text x="${WIDTH - RIGHT - 70 * (panel.lines.length - i - 1)}" y="${top - 5}" text-anchor="end" fill="${COLOURS[i]}">${line.name}</text>`,
        )
    })
  })
  return `${parts.join('\n')}\n</svg>\n`
}

function round(value) {
  return Math.round(value * 10) / 10
}
