import { describe, expect, it } from 'vitest'
import { ExternalAddress } from '../../../../src/dht/table/external-address.js'
import { ipToBytes } from '../../../../src/util/address.js'

const ip = (text: string) => ipToBytes(text) as Uint8Array

describe('external address', () => {
  it('is believed when four unrelated networks agree', () => {
    const votes = new ExternalAddress(4)
    for (const first of [1, 2, 3]) expect(votes.vote(ip('5.5.5.5'), `${first}.0.0.1`, 0)).toBe(false)
    expect(votes.address).toBeUndefined()
    expect(votes.vote(ip('5.5.5.5'), '4.0.0.1', 0)).toBe(true)
    expect(votes.address).toBe('5.5.5.5')
    expect(votes.vote(ip('5.5.5.5'), '6.0.0.1', 0)).toBe(false)
  })

  it('is not what a thousand voters of one network say', () => {
    const votes = new ExternalAddress(4)
    for (let i = 0; i < 1000; i++) votes.vote(ip('6.6.6.6'), `9.9.${i >> 8}.${i & 255}`, i)
    expect(votes.address).toBeUndefined()
    const six = new ExternalAddress(6)
    for (let i = 0; i < 1000; i++) six.vote(ip('2001:db8::1'), `2a00:1:${i.toString(16)}::1`, i)
    expect(six.address).toBeUndefined()
  })

  it('changes only with a majority', () => {
    const votes = new ExternalAddress(4)
    for (let i = 0; i < 8; i++) votes.vote(ip('5.5.5.5'), `${i + 1}.0.0.1`, 0)
    for (let i = 0; i < 8; i++) votes.vote(ip('7.7.7.7'), `${i + 20}.0.0.1`, 1)
    expect(votes.address).toBe('5.5.5.5')
    expect(votes.vote(ip('7.7.7.7'), '30.0.0.1', 2)).toBe(true)
    expect(votes.address).toBe('7.7.7.7')
  })

  it('forgets votes after an hour', () => {
    const votes = new ExternalAddress(4)
    for (let i = 0; i < 30; i++) votes.vote(ip('5.5.5.5'), `${i + 1}.0.0.1`, 0)
    for (let i = 0; i < 4; i++) votes.vote(ip('7.7.7.7'), `${i + 50}.0.0.1`, 3_600_001)
    expect(votes.address).toBe('7.7.7.7')
  })

  it('does not take nonsense for an address', () => {
    const votes = new ExternalAddress(4)
    for (const wrong of ['127.0.0.1', '0.0.0.0', '224.0.0.1', '255.255.255.255', '::1'])
      for (let i = 0; i < 9; i++) expect(votes.vote(ip(wrong), `${i + 1}.0.0.1`, 0)).toBe(false)
    for (const wrong of [new Uint8Array(0), new Uint8Array(6).fill(9), new Uint8Array(16).fill(9)])
      expect(votes.vote(wrong, '1.0.0.1', 0)).toBe(false)
    expect(votes.vote(ip('5.5.5.5'), 'nobody', 0)).toBe(false)
    expect(votes.address).toBeUndefined()
  })
})
