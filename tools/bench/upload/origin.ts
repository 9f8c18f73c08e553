/**
 * The challenge of `npm run bench:uploads`, a process of its own: reads each upload to its end,
 * counts it, answers 201; a GET gets an answer that the edge may keep. Nothing is stored, so that
 * it takes little of the processor it shares with the gateway.
 */

import { createServer } from 'node:http'

export type OriginMessage = { readonly port: number } | { readonly uploads: number }

/** Just short enough to be kept. */
const KEEPABLE = Buffer.alloc(990_000, 'a')

let uploads = 0

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response
      .writeHead(200, { 'cache-control': 'max-age=60', 'content-length': KEEPABLE.length })
      .end(KEEPABLE)
    return
  }
  let bytes = 0
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length
  })
  request.on('end', () => {
    uploads += 1
    const text = `{"bytes":${bytes}}`
    response.writeHead(201, { 'content-type': 'application/json', 'content-length': text.length }).end(text)
  })
})

// Node would close a connection after 5 idle seconds, perhaps just when workerd uses it again: a
// 502 that measures nothing.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address === 'object' && address !== null) tell({ port: address.port })
})

process.on('message', () => tell({ uploads }))
process.on('disconnect', () => process.exit(0))

function tell(message: OriginMessage): void {
  process.send?.(message)
}
