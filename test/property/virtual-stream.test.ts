import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ByteStream } from '../../src/net/world.js'
import { VirtualNetwork } from '../../src/testing/index.js'
import { equalBytes } from '../../src/util/bytes.js'
import { runs } from '../support/depth.js'

const rate = fc.option(fc.integer({ min: 20_000, max: 5_000_000 }), { nil: undefined })

const operation = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      lengths: fc.array(fc.nat(40_000), { maxLength: 5 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(300) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'pause' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'resume' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'split' as const }) },
)

describe('virtual streams', () => {
  it('deliver all bytes in order, however written, paced, paused and cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          seed: fc.integer(),
          latency: fc.nat(100),
          fragment: fc.constantFrom(0, 0.5, 1),
          window: fc.integer({ min: 1_000, max: 200_000 }),
          sendBuffer: fc.integer({ min: 1_000, max: 200_000 }),
          upload: rate,
          download: rate,
        }),
        fc.array(operation, { maxLength: 25 }),
        async ({ upload, download, ...options }, operations) => {
          const net = new VirtualNetwork(options)
          const a = net.host(upload === undefined ? {} : { upload })
          const b = net.host(download === undefined ? {} : { download })
          const received: Uint8Array[] = []
          const ends: { a: number; b: number } = { a: 0, b: 0 }
          let reader: ByteStream | undefined
          const listening = await b.world.listen({ port: 1 }, (stream) => {
            reader = stream
            stream.listen({
              data: (chunk) => received.push(chunk.slice()),
              drain() {},
              close(error) {
                expect(error).toBeUndefined()
                ends.b++
              },
            })
          })
          const writer = await net.run({
            until: a.world.connect({ host: b.ip, port: 1 }, { timeout: 1_000 }),
          })
          writer.listen({
            data() {},
            drain: () => expect(writer.queued).toBe(0),
            close(error) {
              expect(error).toBeUndefined()
              ends.a++
            },
          })
          const written: Uint8Array[] = []
          let calls = 0
          let next = 0
          let split = false
          for (const op of operations) {
            if (op.kind === 'wait') await net.advance(op.ms)
            else if (op.kind === 'pause') reader?.pause()
            else if (op.kind === 'resume') reader?.resume()
            else if (op.kind === 'split') {
              split = !split
              if (split) net.partition([a])
              else net.heal()
            } else {
              const chunks = op.lengths.map((length) => new Uint8Array(length).map(() => next++))
              written.push(...chunks.map((chunk) => chunk.slice()))
              const order = calls
              writer.write(chunks, () => {
                // Reused as soon as allowed: nothing of it may arrive.
                for (const chunk of chunks) chunk.fill(0xee)
                calls++
                expect(calls).toBeGreaterThan(order)
              })
            }
          }
          net.heal()
          reader?.resume()
          await net.run({ until: () => writer.queued === 0, limit: 1e6 })
          await net.advance(30_000)
          writer.end()
          await net.run({ until: () => ends.a + ends.b === 2 })
          expect(equalBytes(Buffer.concat(received), Buffer.concat(written))).toBe(true)
          expect(calls).toBe(operations.filter(({ kind }) => kind === 'write').length)
          await listening.close()
          await net.advance(100)
          expect([...a.open, ...b.open]).toEqual([])
          expect(b.traffic.received).toBe(a.traffic.sent)
        },
      ),
      { numRuns: runs(20) },
    )
  })
})
