/**
 * Totals of one peer connection.
 * @module
 */

export interface Counters {
  /** Bytes of block data received, waste included. */
  payloadIn: number
  /** Bytes of block data sent. */
  payloadOut: number
  /** All other bytes received: headers and small messages. */
  overheadIn: number
  overheadOut: number
  /** Received block data that was not wanted (any more), bytes. */
  waste: number
  messagesIn: number
  messagesOut: number
}
