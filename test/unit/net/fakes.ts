import type { ByteStream, StreamListener } from '../../../src/net/world.js'
import { concatBytes } from '../../../src/util/bytes.js'

/** A stream that records what is done to it; the test plays the other side. */
export class FakeStream implements ByteStream {
  readonly transport = 'tcp'
  readonly remote = { host: '10.0.0.2', port: 2 }
  readonly local = { host: '10.0.0.1', port: 1 }
  readonly writes: Uint8Array[] = []
  listener: StreamListener | undefined
  queued = 0
  destroyed = false
  paused = false
  /** Calls that wait for what was written to leave. */
  readonly sent: (() => void)[] = []

  listen(listener: StreamListener): void {
    this.listener = listener
  }

  write(chunks: readonly Uint8Array[], sent?: () => void): boolean {
    this.writes.push(concatBytes(...chunks))
    if (sent) this.sent.push(sent)
    return true
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  end(): void {
    this.destroyed = true
  }

  destroy(): void {
    this.destroyed = true
  }
}
