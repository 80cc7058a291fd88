import { createSocket } from 'node:dgram'
import { describe, expect, it } from 'vitest'
import { systemWorld } from '../../../../src/net/system/world.js'
import type { Address } from '../../../../src/util/address.js'
import { expectNothingLeft } from '../../../support/resources.js'

const world = systemWorld()

describe('clocks and chance of the system world', () => {
  it('move forward', async () => {
    const before = world.now()
    await new Promise<void>((resolve) => world.setTimer(1.5, resolve))
    expect(world.now()).toBeGreaterThan(before)
    expect(Math.abs(world.unixTime() - Date.now())).toBeLessThan(1_000)
  })

  it('cancel timers, also those beyond the reach of the system', async () => {
    let calls = 0
    for (const ms of [0, -5, 5, 2 ** 40, Number.POSITIVE_INFINITY]) {
      const timer = world.setTimer(ms, () => calls++)
      timer.cancel()
      timer.cancel()
    }
    const far = world.setTimer(2 ** 32, () => calls++)
    await new Promise<void>((resolve) => world.setTimer(10, resolve))
    far.cancel()
    expect(calls).toBe(0)
  })

  it('defer to the end of the turn', async () => {
    const order: string[] = []
    await new Promise<void>((resolve) => {
      world.defer(() => {
        order.push('deferred')
        resolve()
      })
      queueMicrotask(() => order.push('microtask'))
      order.push('now')
    })
    expect(order).toEqual(['now', 'microtask', 'deferred'])
  })

  it('draw random numbers over the whole range', () => {
    const draws = Array.from({ length: 3_000 }, () => world.random.uint32())
    expect(new Set(draws).size).toBeGreaterThan(2_990)
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length
    expect(mean / 2 ** 32).toBeGreaterThan(0.45)
    expect(mean / 2 ** 32).toBeLessThan(0.55)
    expect(world.random.bytes(20).length).toBe(20)
    expect(world.random.bytes(20)).not.toEqual(world.random.bytes(20))
  })
})

describe('datagrams of the system world', () => {
  it.each([4, 6] as const)('go both ways over IPv%i', async (family) => {
    const host = family === 4 ? '127.0.0.1' : '::1'
    const got: [string, Address][] = []
    let wake: () => void = () => {}
    const b = await world.bind({ host, port: 0 }, (bytes, from) => {
      got.push([Buffer.from(bytes).toString(), from])
      b.send(Uint8Array.of(33), from)
    })
    const answers: number[] = []
    expect(b.receiveBuffer).toBeGreaterThan(0)
    const a = await world.bind({ host, port: 0, family }, (bytes) => {
      answers.push(bytes[0]!)
      wake()
    })
    const done = new Promise<void>((resolve) => {
      wake = () => answers.length === 2 && resolve()
    })
    const bytes = Buffer.from('one')
    a.send(bytes, b.address)
    bytes.write('two')
    a.send(bytes, b.address)
    bytes.write('xxx')
    await done
    expect(got).toEqual([
      ['one', a.address],
      ['two', a.address],
    ])
    await a.close()
    await a.close()
    await b.close()
  })

  it('carry bursts, in memory that the sender may reuse', async () => {
    let received = 0
    let wrong = 0
    let wake: () => void = () => {}
    const b = await world.bind({ host: '127.0.0.1', port: 0 }, (bytes) => {
      if (bytes[0] !== bytes[bytes.length - 1] || bytes[0] !== received % 251) wrong++
      if (++received === 200) wake()
    })
    const a = await world.bind({ host: '127.0.0.1', port: 0 }, () => {})
    const done = new Promise<void>((resolve) => {
      wake = resolve
    })
    const buffer = new Uint8Array(1_400)
    for (let i = 0; i < 200; i++) a.send(buffer.fill(i % 251), b.address)
    await done
    expect(wrong).toBe(0)
    await Promise.all([a.close(), b.close()])
  })

  it('lose what cannot be sent, silently', async () => {
    const a = await world.bind({ host: '127.0.0.1', port: 0 }, () => {})
    a.send(new Uint8Array(3), { host: '127.0.0.1', port: 0 })
    a.send(new Uint8Array(3), { host: '127.0.0.1', port: 70_000 })
    a.send(new Uint8Array(3), { host: '2001:db8::1', port: 1 })
    a.send(new Uint8Array(3), { host: 'nonsense', port: 1 })
    a.send(new Uint8Array(70_000), { host: '127.0.0.1', port: 1 })
    await new Promise<void>((resolve) => world.defer(resolve))
    await a.close()
    a.send(new Uint8Array(3), { host: '127.0.0.1', port: 1 })
    await new Promise<void>((resolve) => world.defer(resolve))
  })

  it('refuse a taken port and give it back on close', async () => {
    const a = await world.bind({ host: '127.0.0.1', port: 0 }, () => {})
    const { port } = a.address
    await expect(world.bind({ host: '127.0.0.1', port }, () => {})).rejects.toMatchObject({
      code: 'EADDRINUSE',
    })
    await a.close()
    const again = createSocket('udp4')
    await new Promise<void>((resolve) => again.bind(port, '127.0.0.1', resolve))
    await new Promise<void>((resolve) => again.close(() => resolve()))
    await expectNothingLeft([], /UDP/)
  })
})
