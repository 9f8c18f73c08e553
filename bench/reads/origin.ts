/** The challenge of `npm run bench:reads`, a process of its own: one leaderboard, which `/kept` allows to be kept. */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const BYTES = 4000
const body = JSON.stringify({ leaderboard: 'x'.repeat(BYTES) })

const server = createServer((request, response) => {
  response
    .writeHead(200, {
      'content-type': 'application/json',
      'content-length': body.length,
      ...(request.url?.startsWith('/kept') ? { 'cache-control': 'public, max-age=3600' } : {}),
    })
    .end(body)
})

// Node would close a connection after 5 idle seconds, perhaps just when workerd uses it again: a 502 that measures nothing.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit(0))
