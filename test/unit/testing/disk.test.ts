import { describe, expect, it } from 'vitest'
import type { StorageBackend } from '../../../src/storage/backend/backend.js'
import { type DiskOptions, type VirtualHost, VirtualNetwork } from '../../../src/testing/index.js'

const FILES = [
  { path: ['a', 'one'], length: 100_000 },
  { path: ['two'], length: 10 },
]

async function rig(options: DiskOptions = {}): Promise<{
  net: VirtualNetwork
  host: VirtualHost
  backend: StorageBackend
}> {
  const net = new VirtualNetwork({ seed: 1 })
  const host = net.host({ disk: options })
  const backend = host.disk.backend('dir')
  await net.run({ until: backend.open(FILES) })
  return { net, host, backend }
}

function pattern(length: number, salt = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + (i >>> 8) + salt) & 0xff)
}

describe('VirtualDisk', () => {
  it('keeps what is written anywhere, with zeros between', async () => {
    const { net, host, backend } = await rig()
    const model = new Uint8Array(100_000)
    for (const [offset, length] of [
      [0, 16_384],
      [90_000, 10_000],
      [16_000, 40_000],
      [16_384, 16_384],
      [20_000, 3],
    ] as const) {
      const bytes = pattern(length, offset)
      model.set(bytes, offset)
      await net.run({ until: backend.write(0, offset, [bytes.subarray(0, 5), bytes.subarray(5)]) })
    }
    const read = new Uint8Array(100_000)
    expect(await net.run({ until: backend.read(0, 0, read) })).toBe(100_000)
    expect(Buffer.compare(read, model)).toBe(0)
    const tail = new Uint8Array(100)
    expect(await net.run({ until: backend.read(0, 99_950, tail) })).toBe(50)
    expect(Buffer.compare(tail.subarray(0, 50), model.subarray(99_950))).toBe(0)
    expect(await net.run({ until: backend.read(1, 0, tail) })).toBe(0)
    expect(host.disk.paths).toEqual(['dir/a/one'])
    expect(Buffer.compare(host.disk.readFile('dir/a/one')!, model)).toBe(0)
    expect(host.disk.readFile('dir/two')).toBeUndefined()
  })

  it('keeps equal blocks of different hosts apart when one changes', async () => {
    const net = new VirtualNetwork({ seed: 1 })
    const [a, b] = [net.host().disk, net.host().disk]
    a.writeFile('x', pattern(40_000))
    b.writeFile('x', pattern(40_000))
    b.writeAt('x', 100, Uint8Array.of(255, 255))
    expect(a.readFile('x')).toEqual(pattern(40_000))
    expect(b.readFile('x')!.subarray(99, 103)).toEqual(
      Uint8Array.of(pattern(200)[99]!, 255, 255, pattern(200)[102]!),
    )
  })

  it('takes its time: latency for each operation, bandwidth for all together', async () => {
    const { net, backend } = await rig({ latency: 5, bandwidth: 1_000_000 })
    expect(net.now).toBe(5)
    const both = Promise.all([
      backend.write(0, 0, [pattern(20_000)]),
      backend.write(0, 50_000, [pattern(10_000)]),
    ])
    await net.run({ until: both })
    expect(net.now).toBe(5 + 30 + 5)
  })

  it('reads the bytes of a write when it ends', async () => {
    const { net, host, backend } = await rig({ latency: 5 })
    const bytes = pattern(10)
    const written = backend.write(1, 0, [bytes])
    bytes.fill(0)
    await net.run({ until: written })
    expect(host.disk.readFile('dir/two')).toEqual(new Uint8Array(10))
  })

  it('creates, tells, removes and destroys', async () => {
    const { net, host, backend } = await rig()
    const run = <T>(until: Promise<T>) => net.run({ until })
    expect(await run(backend.status(1))).toEqual({ length: -1 })
    await net.advance(1_000)
    await run(backend.create(1))
    expect(await run(backend.status(1))).toEqual({ length: 0, modified: 1_735_689_600_000 + 1_000 })
    await run(backend.write(0, 0, [pattern(5)]))
    await run(backend.create(0))
    expect(await run(backend.status(0))).toMatchObject({ length: 5 })
    await run(backend.remove(1))
    expect(host.disk.paths).toEqual(['dir/a/one'])
    host.disk.writeFile('dir/other', pattern(3))
    await run(backend.flush())
    await run(backend.destroy())
    expect(host.disk.paths).toEqual(['dir/other'])
    expect(host.disk.used).toBe(16_384)
    await run(backend.close())
    await run(backend.close())
    await expect(run(backend.flush())).rejects.toMatchObject({ code: 'EBADF' })
  })

  it('is full at its capacity, and no longer when that grows', async () => {
    const { net, host, backend } = await rig({ capacity: 32_768 })
    const run = <T>(until: Promise<T>) => net.run({ until })
    await run(backend.write(0, 0, [pattern(32_768)]))
    await run(backend.write(0, 10, [pattern(100)]))
    await expect(run(backend.write(0, 32_768, [pattern(1)]))).rejects.toMatchObject({ code: 'ENOSPC' })
    host.disk.capacity = 65_536
    await run(backend.write(0, 32_768, [pattern(1)]))
    expect(host.disk.used).toBe(49_152)
  })

  it('fails the operations that its fault names', async () => {
    const { net, host, backend } = await rig()
    const run = <T>(until: Promise<T>) => net.run({ until })
    const seen: string[] = []
    const base = host.disk.operations
    host.disk.fault = ({ kind, path, offset, length, index }) => {
      seen.push(`${index - base} ${kind} ${path} ${offset}+${length}`)
      return kind === 'read' ? 'EACCES' : index - base === 2 ? 'EIO' : undefined
    }
    await run(backend.write(0, 3, [pattern(4)]))
    await expect(run(backend.read(0, 0, new Uint8Array(2)))).rejects.toMatchObject({ code: 'EACCES' })
    await expect(run(backend.write(1, 0, [pattern(1)]))).rejects.toMatchObject({ code: 'EIO' })
    expect(seen).toEqual(['0 write dir/a/one 3+4', '1 read dir/a/one 0+2', '2 write dir/two 0+1'])
    expect(host.disk.paths).toEqual(['dir/a/one'])
  })
})
