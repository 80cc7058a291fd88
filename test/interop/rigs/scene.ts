/**
 * A scene is the temporary folder of one test and everything that was started in it. It is taken down when the
 * test ends, whatever happened, and tells what the processes said when the test failed.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFailed, onTestFinished } from 'vitest'

export interface Scene {
  /** Below the scene's folder. */
  path(...parts: string[]): string
  /** A new empty folder. */
  folder(name: string): Promise<string>
  /** Has this stopped when the test ends, last started first. */
  own<T extends { stop(): Promise<unknown>; readonly log?: string }>(part: T): T
}

/** Must be called inside a test. */
export function scene(): Scene {
  const built = buildScene()
  onTestFailed(() => {
    for (const log of built.logs()) console.error(log)
  })
  onTestFinished(() => built.strike())
  return built
}

/** The same without a test around it: for `beforeAll`, with `strike` in `afterAll`. */
export function buildScene(): Scene & { strike(): Promise<void>; logs(): string[] } {
  const root = mkdtempSync(join(tmpdir(), 'rarest-interop-'))
  const parts: { stop(): Promise<unknown>; readonly log?: string }[] = []
  return {
    path: (...below) => join(root, ...below),
    async folder(name) {
      const folder = join(root, name)
      await mkdir(folder, { recursive: true })
      return folder
    },
    own(part) {
      parts.push(part)
      return part
    },
    logs: () => parts.flatMap(({ log }) => (log === undefined ? [] : [log])),
    async strike() {
      for (const part of parts.reverse()) await part.stop()
      rmSync(root, { recursive: true, force: true })
    },
  }
}

/** Resolves once `condition` holds, looked at every 50 ms; rejects after `timeout` ms. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeout = 30_000,
): Promise<void> {
  const end = performance.now() + timeout
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`${timeout} ms passed while waiting until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
