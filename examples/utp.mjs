// @ts-check
// An echo server over uTP and a client: streams over UDP that give way to other traffic. Run: node examples/utp.mjs

import { createServer } from 'rarest/utp'

const server = createServer({}, (socket) => {
  socket.on('error', ({ message }) => console.error('a visitor:', message))
  socket.pipe(socket)
})
const client = createServer()
try {
  const { port } = await server.listen({ host: '127.0.0.1' })

  // `connect` of the module does the same from a UDP socket of its own.
  const socket = client.connect({ host: '127.0.0.1', port })
  let bytes = 0
  socket.on('data', (/** @type {Buffer} */ chunk) => {
    bytes += chunk.length
  })
  socket.end(Buffer.alloc(5_000_000))
  await new Promise((resolve, reject) => {
    socket.on('close', resolve)
    socket.on('error', reject)
  })
  console.log('echoed', bytes, 'bytes to port', port)
} finally {
  await client.destroy()
  await server.destroy()
}
