export function equal(actual, expected) {
  if (actual !== expected) throw new Error(`expected ${expected}, got ${actual}`)
}

export function hex(bytes) {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

export function bytes(text) {
  return Uint8Array.from(text, (character) => character.charCodeAt(0))
}

export function text(raw) {
  return String.fromCharCode(...raw)
}
