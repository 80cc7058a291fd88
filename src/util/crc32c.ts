/**
 * CRC32C (Castagnoli), which BEP 40 and 42 use; not the CRC of zip files.
 * @module
 */

const TABLE: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f6_3b78 : value >>> 1
  return value
})

/** The checksum as an unsigned 32-bit integer; e3069283 for ASCII `123456789`. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff
  for (let i = 0; i < bytes.length; i++)
    crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number)
  return (crc ^ 0xffff_ffff) >>> 0
}
