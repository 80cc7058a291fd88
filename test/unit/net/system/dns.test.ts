import { describe, expect, it } from 'vitest'
import { Resolver } from '../../../../src/net/system/dns.js'
import { systemWorld } from '../../../../src/net/system/world.js'

type Done = (error: Error | null, addresses: { address: string }[]) => void

/** A resolver whose answers the test gives by hand. */
function rig() {
  const asked: { name: string; done: Done }[] = []
  const clock = { now: 0 }
  const names = new Resolver(
    () => clock.now,
    (name, done) => asked.push({ name, done: done as Done }),
  )
  return { names, asked, clock }
}

describe('Resolver', () => {
  it('answers IP literals itself, in canonical form', async () => {
    const { names, asked } = rig()
    expect(await names.lookup('127.0.0.1')).toEqual(['127.0.0.1'])
    expect(await names.lookup('::FFFF:1.2.3.4')).toEqual(['1.2.3.4'])
    expect(await names.lookup('2001:DB8:0::1')).toEqual(['2001:db8::1'])
    expect(asked).toEqual([])
  })

  it('asks once for many callers, then keeps the answer for five minutes', async () => {
    const { names, asked, clock } = rig()
    const both = Promise.all([names.lookup('a.test'), names.lookup('A.TEST')])
    expect(asked.length).toBe(1)
    asked[0]!.done(null, [{ address: '1.2.3.4' }, { address: '1.2.3.4' }, { address: '2001:db8:0::1' }])
    expect(await both).toEqual([
      ['1.2.3.4', '2001:db8::1'],
      ['1.2.3.4', '2001:db8::1'],
    ])
    clock.now = 299_999
    expect(await names.lookup('a.test')).toEqual(['1.2.3.4', '2001:db8::1'])
    expect(asked.length).toBe(1)
    clock.now = 300_001
    void names.lookup('a.test', { timeout: 1 }).catch(() => {})
    expect(asked.length).toBe(2)
    asked[1]!.done(null, [{ address: '1.1.1.1' }])
  })

  it('keeps failures for half a minute', async () => {
    const { names, asked, clock } = rig()
    const first = names.lookup('gone.test')
    asked[0]!.done(Object.assign(new Error('no'), { code: 'ENOTFOUND' }), [])
    await expect(first).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(names.lookup('gone.test')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    expect(asked.length).toBe(1)
    clock.now = 30_001
    const again = names.lookup('gone.test')
    asked[1]!.done(null, [])
    await expect(again).rejects.toMatchObject({ code: 'ENOTFOUND' })
  })

  it('asks for two names at once at most, in order, and skips whom nobody waits for', async () => {
    const { names, asked } = rig()
    const aborter = new AbortController()
    const first = names.lookup('1.test')
    const second = names.lookup('2.test')
    const third = names.lookup('3.test', { signal: aborter.signal })
    const fourth = names.lookup('4.test')
    expect(asked.map(({ name }) => name)).toEqual(['1.test', '2.test'])
    aborter.abort(new Error('enough'))
    await expect(third).rejects.toThrow('enough')
    asked[1]!.done(null, [{ address: '2.2.2.2' }])
    expect(asked.map(({ name }) => name)).toEqual(['1.test', '2.test', '4.test'])
    asked[0]!.done(null, [{ address: '1.1.1.1' }])
    asked[2]!.done(null, [{ address: '4.4.4.4' }])
    expect(await Promise.all([first, second, fourth])).toEqual([['1.1.1.1'], ['2.2.2.2'], ['4.4.4.4']])
  })

  it('limits the time of a caller, not of the others', async () => {
    const { names, asked } = rig()
    const patient = names.lookup('slow.test')
    await expect(names.lookup('slow.test', { timeout: 1 })).rejects.toMatchObject({ code: 'ETIMEDOUT' })
    asked[0]!.done(null, [{ address: '1.1.1.1' }])
    expect(await patient).toEqual(['1.1.1.1'])
  })

  it('refuses what is no name, aborted calls, and too many at once', async () => {
    const { names, asked } = rig()
    await expect(names.lookup('')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(names.lookup('x'.repeat(300))).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(names.lookup('a\0b')).rejects.toMatchObject({ code: 'ENOTFOUND' })
    await expect(names.lookup('a.test', { signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow(
      'before',
    )
    expect(asked).toEqual([])
    const many = Array.from({ length: 1_026 }, (_, i) => names.lookup(`${i}.test`, { timeout: 50 }))
    await expect(names.lookup('more.test')).rejects.toMatchObject({ code: 'dns/busy' })
    await Promise.allSettled(many)
  })

  it('forgets the oldest name beyond 1,024', async () => {
    const { names, asked } = rig()
    for (let i = 0; i <= 1_024; i++) {
      const found = names.lookup(`${i}.test`)
      asked[i]!.done(null, [{ address: '1.1.1.1' }])
      await found
    }
    await names.lookup('1.test')
    expect(asked.length).toBe(1_025)
    void names.lookup('0.test')
    expect(asked.length).toBe(1_026)
    asked[1_025]!.done(null, [{ address: '1.1.1.1' }])
  })

  it('finds localhost through the system', async () => {
    const found = await systemWorld().lookup('localhost')
    expect(found.some((ip) => ip === '127.0.0.1' || ip === '::1')).toBe(true)
  })
})
