/** Our side: a Session in this process, or the built command as a process of its own. */

import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Session, type SessionOptions } from '../../../src/index.js'
import { JsonChild } from './child.mjs'
import type { Scene } from './scene.js'

const COMMAND = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

/** A Session on loopback that downloads into `path` and closes with the scene. */
export function openSession(scene: Scene, path: string, options: SessionOptions = {}): Session {
  const session = new Session({ host: '127.0.0.1', path, ...options })
  scene.own({ stop: () => session.close() })
  return session
}

/** Where a session listens, `host:port`. */
export async function addressOf(session: Session): Promise<string> {
  return `127.0.0.1:${await session.ready}`
}

/** The `rarest` command as a process; its `--json` lines are events. */
export class Command {
  readonly child: JsonChild

  constructor(...args: readonly string[]) {
    if (!existsSync(COMMAND)) throw new Error('dist/cli/main.js is missing: run "npm run build" first')
    this.child = new JsonChild(`rarest ${args[0]}`, process.execPath, [COMMAND, ...args])
  }

  get log(): string {
    return this.child.log
  }

  /** `host:port`, once it listens. */
  async address(): Promise<string> {
    const { port } = await this.child.event('listening')
    return `127.0.0.1:${port}`
  }

  /** Ctrl-C; resolves to the exit code. */
  async interrupt(): Promise<number | string> {
    this.child.signal('SIGINT')
    return this.child.ended()
  }

  async stop(): Promise<void> {
    if (this.child.exit === undefined) this.child.signal('SIGINT')
    await this.child.stop()
  }
}

/** Rejects when the promise has not settled after `ms`. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not settled after ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
