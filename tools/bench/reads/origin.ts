/**
 * The challenge of `npm run bench:reads`, a process of its own: one leaderboard, which costs
 * nothing, or under `/query` takes its time as one that asks a database does. `/kept` allows to
 * keep it.
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout } from 'node:timers/promises'

const BYTES = 4000
const QUERY_MS = 5
const body = JSON.stringify({ leaderboard: 'x'.repeat(BYTES) })

const server = createServer(async ({ url = '' }, response) => {
  if (url === '/query') await setTimeout(QUERY_MS)
  response
    .writeHead(200, {
      'content-type': 'application/json',
      'content-length': body.length,
      ...(url === '/kept' ? { 'cache-control': 'public, max-age=3600' } : {}),
    })
    .end(body)
})

// Node would close a connection after 5 idle seconds, perhaps just when workerd uses it again: a
// 502 that measures nothing.
server.keepAliveTimeout = 0
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit(0))
