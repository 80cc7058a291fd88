import { describe, expect, it } from 'vitest'
import { DEFAULTS, resolveOptions } from '../../src/options.js'

describe('resolveOptions', () => {
  it('fills in the defaults', () => {
    expect(resolveOptions({})).toEqual(DEFAULTS)
    expect(resolveOptions({ port: 6881 }).port).toBe(6881)
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
