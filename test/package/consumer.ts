/**
 * A consumer's project in a temporary directory: the packed tarball and its dependencies, laid out as
 * npm would, without asking a registry.
 */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))
const run = promisify(execFile)

export interface Consumer {
  readonly directory: string
  /** The packed tarball. */
  readonly tarball: string
  /** rarest as installed in the project. */
  readonly installed: string
  /** Packages that installing rarest installs, itself included. */
  readonly packages: readonly string[]
  remove(): void
}

export async function makeConsumer(): Promise<Consumer> {
  if (!existsSync(join(root, 'dist/index.js')))
    throw new Error('the package tests need a build: npm run build')
  const directory = mkdtempSync(join(tmpdir(), 'rarest-consumer-'))
  const modules = join(directory, 'node_modules')
  mkdirSync(modules)
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', directory],
    {
      cwd: root,
      shell: process.platform === 'win32',
    },
  )
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
  await run('tar', ['-xzf', filename, '-C', 'node_modules'], { cwd: directory })
  const installed = join(modules, 'rarest')
  cpSync(join(modules, 'package'), installed, { recursive: true })
  rmSync(join(modules, 'package'), { recursive: true })
  const packages = ['rarest', ...dependencies(installed)]
  for (const name of packages.slice(1)) {
    cpSync(join(root, 'node_modules', name), join(modules, name), { recursive: true })
  }
  cpSync(join(root, 'test/package/consumers'), directory, { recursive: true })
  writeFileSync(join(directory, 'package.json'), '{"name":"consumer","private":true}')
  return {
    directory,
    tarball: join(directory, filename),
    installed,
    packages,
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

/** Runs one of node's scripts; rejects with its whole output when it fails. */
export async function node(cwd: string, ...args: readonly string[]): Promise<string> {
  try {
    const { stdout } = await run(process.execPath, args, { cwd, maxBuffer: 2 ** 26 })
    return stdout
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string }
    throw new Error(`node ${args.join(' ')}\n${stdout}\n${stderr}`, { cause: error })
  }
}

/** The script that a development dependency puts in `node_modules/.bin`. */
export function script(name: string, bin: string): string {
  return join(root, 'node_modules', name, bin)
}

function dependencies(installed: string): string[] {
  const names = new Set<string>()
  const queue = [join(installed, 'package.json')]
  for (const manifest of queue) {
    const { dependencies = {} } = JSON.parse(readFileSync(manifest, 'utf8')) as {
      dependencies?: Record<string, string>
    }
    for (const name of Object.keys(dependencies)) {
      if (names.has(name)) continue
      names.add(name)
      queue.push(join(root, 'node_modules', name, 'package.json'))
    }
  }
  return [...names]
}
