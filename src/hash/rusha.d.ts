declare module 'rusha' {
  interface RushaHash {
    update(bytes: Uint8Array): RushaHash
    digest(): ArrayBuffer
  }
  const Rusha: { createHash(): RushaHash }
  export default Rusha
}
