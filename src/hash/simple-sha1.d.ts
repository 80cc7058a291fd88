declare module 'simple-sha1' {
  const sha1: { sync(bytes: Uint8Array): string }
  export default sha1
}
