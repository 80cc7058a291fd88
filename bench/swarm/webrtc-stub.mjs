/**
 * A module hook that replaces `webrtc-polyfill`, whose native binary is not installed here: WebTorrent over
 * TCP never touches WebRTC.
 */
export async function resolve(specifier, context, nextResolve) {
  if (specifier !== 'webrtc-polyfill') return nextResolve(specifier, context)
  const names = ['RTCPeerConnection', 'RTCSessionDescription', 'RTCIceCandidate']
  const source = names.map((name) => `export const ${name} = undefined`).join('\n')
  return {
    url: `data:text/javascript,${encodeURIComponent(`${source}\nexport default {}`)}`,
    shortCircuit: true,
  }
}
