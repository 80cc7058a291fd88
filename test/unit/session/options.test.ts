import { describe, expect, it } from 'vitest'
import { DEFAULTS, resolveOptions } from '../../../src/session/options.js'
import { VirtualNetwork } from '../../../src/testing/index.js'

describe('resolveOptions', () => {
  it('fills in the defaults', () => {
    expect(resolveOptions({})).toEqual({ ...DEFAULTS, dht: {} })
    expect(resolveOptions({ port: 6881 }).port).toBe(6881)
  })

  it('keeps the DHT off where it cannot or should not be', () => {
    const { world } = new VirtualNetwork({ seed: 1 }).host()
    expect(resolveOptions({ dht: false }).dht).toBeUndefined()
    for (const host of ['127.0.0.1', '::1', 'localhost']) expect(resolveOptions({ host }).dht).toBeUndefined()
    expect(resolveOptions({ world }).dht).toBeUndefined()
    expect(resolveOptions({ world, dht: true }).dht).toEqual({})
    expect(resolveOptions({ host: '127.0.0.1', dht: { bootstrap: [] } }).dht).toEqual({ bootstrap: [] })
    expect(() => resolveOptions({ dht: 1 as unknown as boolean })).toThrow(TypeError)
    expect(() => resolveOptions({ dht: { bootstrap: ['nowhere'] } })).toThrow(RangeError)
    expect(() => resolveOptions({ dht: { state: 'x' as unknown as Uint8Array } })).toThrow(TypeError)
  })

  it('names the option, what was expected and what was got', () => {
    expect(() => resolveOptions({ port: 70_000 })).toThrow(
      new RangeError('port must be an integer in 0 .. 65535, got 70000'),
    )
    expect(() => resolveOptions({ port: '6881' as unknown as number })).toThrow(
      new TypeError('port must be a number, got string'),
    )
    expect(() => resolveOptions({ path: 7 as unknown as string })).toThrow(TypeError)
    expect(() => resolveOptions({ listen: 'yes' as unknown as boolean })).toThrow(TypeError)
    expect(() => resolveOptions({ uploadSlots: 1.5 })).toThrow(RangeError)
  })
})
