/**
 * What the TCP streams of the system world cost: 1 GiB over loopback between two processes, CPU seconds
 * of each side, for several sizes of writes, with the dialling and with the accepting side as receiver.
 *
 *   npx esbuild bench/micro/net.ts --bundle --platform=node --format=esm --outfile=bench/.build/net.mjs
 *   node bench/.build/net.mjs
 *
 * Not a mitata benchmark: it measures processes, not calls.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { systemWorld } from '../../src/net/system/world.js'
import type { ByteStream } from '../../src/net/world.js'

const GIB = 2 ** 30
const BLOCK = 16_384
const HEADER = 13

type Side = 'dial' | 'accept'
interface Cost {
  readonly cpu: number
  readonly ms: number
}

/** One write as an upload makes it: headers and slices of a cached block. */
function chunksOf(bytes: number): Uint8Array[] {
  const header = new Uint8Array(HEADER)
  const block = new Uint8Array(BLOCK)
  return Array.from({ length: Math.max(1, bytes / BLOCK) }, () => [header, block]).flat()
}

function send(stream: ByteStream, writeBytes: number, done: () => void): void {
  const chunks = chunksOf(writeBytes)
  const size = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  let left = GIB
  const more = (): void => {
    while (left > 0) {
      left -= size
      if (!stream.write(chunks)) return
    }
    stream.end()
  }
  stream.listen({ data() {}, drain: more, close: done })
  more()
}

function receive(stream: ByteStream, done: () => void): void {
  let bytes = 0
  stream.listen({
    data(chunk) {
      bytes += chunk.length
    },
    drain() {},
    close() {
      if (bytes < GIB) throw new Error(`only ${bytes} bytes came`)
      done()
    },
  })
}

/** Measures from the start of the transfer to its end. */
function measured(act: (done: () => void) => void, report: (cost: Cost) => void): void {
  const cpu = process.cpuUsage()
  const start = performance.now()
  act(() => {
    const { user, system } = process.cpuUsage(cpu)
    report({ cpu: (user + system) / 1e6, ms: performance.now() - start })
  })
}

const world = systemWorld()
const [role, port, writeBytes] = process.argv.slice(2)
if (role === undefined) {
  for (const receiver of ['dial', 'accept'] as const) {
    for (const kib of [16, 64, 256]) await compare(receiver, kib * 1_024)
  }
} else {
  const stream = await world.connect({ host: '127.0.0.1', port: Number(port) }, { timeout: 5_000 })
  const act = (done: () => void): void =>
    role === 'send' ? send(stream, Number(writeBytes), done) : receive(stream, done)
  measured(act, (cost) => console.log(JSON.stringify(cost)))
}

async function compare(receiver: Side, bytes: number): Promise<void> {
  const runs: { sent: Cost; received: Cost }[] = []
  for (let run = 0; run < 3; run++) runs.push(await transfer(receiver, bytes))
  const median = (pick: (run: { sent: Cost; received: Cost }) => number): number =>
    runs.map(pick).sort((a, b) => a - b)[1] as number
  console.log(
    `receiver ${receiver}s, writes of ${bytes / 1_024} KiB: receive ${median((run) => run.received.cpu).toFixed(2)}, send ${median((run) => run.sent.cpu).toFixed(2)} CPU s per GiB, ${(1_024_000 / median((run) => run.received.ms)).toFixed(0)} MiB/s`,
  )
}

async function transfer(receiver: Side, bytes: number): Promise<{ sent: Cost; received: Cost }> {
  let mine: Cost | undefined
  let ended: () => void = () => {}
  const finished = new Promise<void>((resolve) => {
    ended = resolve
  })
  const server = await world.listen({ host: '127.0.0.1', port: 0 }, (stream) => {
    const act = (done: () => void): void =>
      receiver === 'accept' ? receive(stream, done) : send(stream, bytes, done)
    measured(act, (cost) => {
      mine = cost
      ended()
    })
  })
  const child = spawn(
    process.execPath,
    [
      fileURLToPath(import.meta.url),
      receiver === 'accept' ? 'send' : 'receive',
      String(server.address.port),
      String(bytes),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += String(chunk)
  })
  const exited = new Promise<void>((resolve) => child.on('close', () => resolve()))
  await Promise.all([finished, exited])
  await server.close()
  const theirs = JSON.parse(text) as Cost
  if (!mine) throw new Error('the transfer did not end')
  return receiver === 'accept' ? { sent: theirs, received: mine } : { sent: mine, received: theirs }
}
