/**
 * Which real clients are on this machine. A missing one fails the suite under `CI=true` and is reported as
 * skipped, by name, elsewhere.
 */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export type ClientName =
  | 'libtorrent'
  | 'transmission'
  | 'webtorrent'
  | 'aria2'
  | 'rtorrent'
  | 'qbittorrent'
  | 'lftp'

const BENCH = fileURLToPath(new URL('../../../bench/', import.meta.url))

const CLIENTS: Record<ClientName, { readonly from: string; readonly present: () => boolean }> = {
  libtorrent: {
    from: 'the Debian package python3-libtorrent (for /usr/bin/python3)',
    present: () => succeeds('/usr/bin/python3', ['-c', 'import libtorrent']),
  },
  transmission: {
    from: 'the Debian package transmission-daemon',
    present: () => succeeds('transmission-daemon', ['--version']),
  },
  aria2: debian('aria2', 'aria2c'),
  rtorrent: { ...debian('rtorrent', 'rtorrent'), present: () => succeeds('which', ['rtorrent']) },
  qbittorrent: debian('qbittorrent-nox', 'qbittorrent-nox'),
  lftp: debian('lftp', 'lftp'),
  webtorrent: {
    from: '"npm ci --ignore-scripts" in bench/',
    present: () => existsSync(`${BENCH}node_modules/webtorrent/package.json`) || installBench(),
  },
}

const known = new Map<ClientName, boolean>()

/**
 * True when the client can be run. Throws under `CI=true` when it cannot; elsewhere says so and returns
 * false, for `describe.runIf`.
 */
export function requireClient(name: ClientName): boolean {
  let present = known.get(name)
  if (present === undefined) {
    present = CLIENTS[name].present()
    known.set(name, present)
    if (!present) {
      const message = `${name} is missing: it comes from ${CLIENTS[name].from}`
      if (process.env.CI === 'true') throw new Error(message)
      console.warn(`interop: SKIPPED ${name}: ${message}`)
    }
  }
  return present
}

/** A client whose Debian package has a program that tells its version. */
function debian(name: string, program: string): { readonly from: string; readonly present: () => boolean } {
  return { from: `the Debian package ${name}`, present: () => succeeds(program, ['--version']) }
}

function installBench(): boolean {
  return succeeds('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], BENCH)
}

function succeeds(command: string, args: readonly string[], cwd?: string): boolean {
  // Tests keep every process of Node's on this machine, but npm has to reach its registry.
  const { NODE_OPTIONS: _, ...env } = process.env
  const options = { stdio: 'ignore', timeout: 120_000, env, ...(cwd === undefined ? {} : { cwd }) } as const
  return spawnSync(command, args, options).status === 0
}
