/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out: it forgets
 * those that it did not install (npm/cli#4828) or could not find, and then `npm ci` refuses the file, or
 * works on one platform alone. To be run after every `npm install`.
 *
 *   node scripts/complete-lock.mjs [directory]
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const file = join(process.argv[2] ?? '.', 'package-lock.json')
const lock = JSON.parse(readFileSync(file, 'utf8'))

const SYSTEMS = [
  'aix',
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'sunos',
  'win32',
]
const PROCESSORS = [
  'arm',
  'arm64',
  'ia32',
  'loong64',
  'mips64el',
  'ppc64',
  'riscv64',
  's390x',
  'wasm32',
  'x64',
]

let added = 0
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (find(path, name)) continue
    const platform = platformOf(name)
    const version = /\d+\.\d+\.\d+[^ ]*/.exec(range)?.[0]
    if (!platform || !version) throw new Error(`cannot tell the platform of ${name}@${range}`)
    const flags = entry.dev ? { dev: true, optional: true } : { optional: true }
    lock.packages[place(name, path)] = { version, ...platform, ...flags }
    added++
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([a], [b]) => (a === b ? 0 : a < b ? -1 : 1)),
)
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
console.log(`${added} packages added to ${file}`)

/** Looks a dependency up as Node does, from the package outwards. */
function find(from, name) {
  for (let at = from; ; at = at.slice(0, Math.max(at.lastIndexOf('node_modules/') - 1, 0))) {
    const path = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`
    if (lock.packages[path]) return true
    if (at === '') return false
  }
}

/** Beside its parent, so that two versions of the parent have their own. */
function place(name, parent) {
  const cut = parent.lastIndexOf('node_modules/')
  return `${parent.slice(0, Math.max(cut, 0))}node_modules/${name}`
}

function platformOf(name) {
  if (name === 'fsevents') return { os: ['darwin'] }
  const parts = name.split(/[/@.-]/)
  const os = SYSTEMS.filter((system) => parts.includes(system))
  const cpu = PROCESSORS.filter((processor) => parts.includes(processor))
  if (os.length === 0 && cpu.length === 0) return undefined
  const musl = parts.some((part) => part.startsWith('musl'))
  const libc = os.includes('linux') ? { libc: [musl ? 'musl' : 'glibc'] } : {}
  return { ...(cpu.length > 0 && { cpu }), ...(os.length > 0 && { os }), ...libc }
}
