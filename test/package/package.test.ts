import { lstatSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { runInNewContext } from 'node:vm'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Consumer, makeConsumer, node, root, script } from './consumer.js'

/** Entries that run in a browser, and what their bundle may weigh there, bytes after gzip. */
const BROWSER_ENTRIES = {
  bencode: 5_000,
  metainfo: 24_000,
  'tracker/codec': 16_000,
  wire: 24_000,
  pex: 8_000,
  picker: 24_000,
  'dht/krpc': 16_000,
  'utp/packet': 3_000,
}

let consumer: Consumer

beforeAll(async () => {
  consumer = await makeConsumer()
}, 120_000)

afterAll(() => consumer?.remove())

describe('the packed tarball', () => {
  it('pleases publint', async () => {
    const manifest: unknown = JSON.parse(readFileSync(join(consumer.installed, 'package.json'), 'utf8'))
    const { messages } = await publint({ pkgDir: consumer.installed, strict: true, pack: false })
    expect(messages.map((message) => formatMessage(message, manifest as never))).toEqual([])
  })

  it('has types that agree with its code, for every resolution of Node 16 and later', async () => {
    await node(
      consumer.directory,
      script('@arethetypeswrong/cli', 'dist/index.js'),
      consumer.tarball,
      '--profile',
      'node16',
    )
  }, 120_000)

  it('holds only the build and the papers', () => {
    const files = readdirSync(consumer.installed).sort()
    for (const file of files) {
      expect(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist', 'package.json']).toContain(file)
    }
    expect(files).toContain('LICENSE')
  })

  it('installs under 15 packages and 5 MB, none of them native', () => {
    expect(consumer.packages.length).toBeLessThan(15)
    let bytes = 0
    for (const name of consumer.packages) {
      for (const { path, size } of walk(join(consumer.directory, 'node_modules', name))) {
        expect(path).not.toMatch(/\.node$|binding\.gyp$/)
        bytes += size
      }
    }
    expect(bytes).toBeLessThan(5_000_000)
  })

  it('runs nothing at install', () => {
    for (const name of consumer.packages) {
      const file = join(consumer.directory, 'node_modules', name, 'package.json')
      const { scripts = {} } = JSON.parse(readFileSync(file, 'utf8')) as { scripts?: Record<string, string> }
      for (const hook of ['preinstall', 'install', 'postinstall']) expect(scripts).not.toHaveProperty(hook)
    }
  })
})

describe('consumers in Node', () => {
  it('import every entry as ESM', async () => {
    expect(await node(consumer.directory, 'esm.mjs')).toMatch(/^ok: \d+ entries$/m)
  })

  it('require every entry, one instance with those that import', async () => {
    expect(await node(consumer.directory, 'cjs.cjs')).toMatch(/^ok: \d+ entries$/m)
  })

  it('require every entry where Node cannot require ESM', async () => {
    expect(await node(consumer.directory, '--no-experimental-require-module', 'cjs.cjs', 'separate')).toMatch(
      /^ok/m,
    )
  })

  it('test under Jest', async () => {
    await node(consumer.directory, script('jest', 'bin/jest.js'), '--rootDir', consumer.directory)
  }, 60_000)

  it('run the command', async () => {
    const command = join(consumer.installed, 'dist/cli/main.js')
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
    expect((await node(consumer.directory, command, '--version')).trim()).toBe(version)
  })

  it.each([
    ['20', '@types/node'],
    ['22', 'types-node-22'],
    ['24', 'types-node-24'],
  ])(
    'compile as ESM and CJS under the types of Node %s, and wrong uses do not',
    async (version, name) => {
      const types = join(consumer.directory, `types-${version}`)
      mkdirSync(types)
      symlinkSync(join(root, 'node_modules', name), join(types, 'node'), 'junction')
      const compiler = script('typescript', 'bin/tsc')
      await node(consumer.directory, compiler, '-p', 'tsconfig.node.json', '--typeRoots', types)
    },
    60_000,
  )
})

describe('consumers in a browser', () => {
  it('compile without the types of Node', async () => {
    await node(consumer.directory, script('typescript', 'bin/tsc'), '-p', 'tsconfig.browser.json')
  }, 60_000)

  it.each(Object.entries(BROWSER_ENTRIES))(
    'bundle and run rarest/%s in under %i bytes',
    async (entry, limit) => {
      const name = entry.replace('/', '-')
      const { outputFiles } = await build({
        entryPoints: [join(consumer.directory, 'browser', `${name}.js`)],
        bundle: true,
        platform: 'browser',
        format: 'iife',
        globalName: 'result',
        minify: true,
        write: false,
        absWorkingDir: consumer.directory,
        logLevel: 'silent',
      })
      const code = outputFiles[0]!.text
      expect(code).not.toMatch(/\bnode:|\brequire\(/)
      expect(await runInNewContext(`${code}; result.done`, browserGlobals())).toBe('ok')
      expect(gzipSync(code).length).toBeLessThan(limit)
    },
  )
})

/** Hardly more than the language: no process, no Buffer, no timers. */
function browserGlobals(): Record<string, unknown> {
  const globals: Record<string, unknown> = { TextEncoder, TextDecoder, URL, URLSearchParams }
  globals.self = globals
  return globals
}

function* walk(directory: string): Generator<{ path: string; size: number }> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) yield* walk(path)
    else yield { path, size: lstatSync(path).size }
  }
}
