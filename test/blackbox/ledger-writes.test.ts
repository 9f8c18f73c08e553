/** What an upload costs on the disk: the commits of its ledger. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { sign, startWorld } from '../support/world.ts'

/** https://www.sqlite.org/fileformat2.html#walformat */
const WAL_HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const PAGE_SIZE_AT = 8

/** Frames of a write-ahead log that end a transaction. */
function commitsOf(wal: Buffer): number {
  const frameBytes = FRAME_HEADER_BYTES + wal.readUInt32BE(PAGE_SIZE_AT)
  let commits = 0
  for (let at = WAL_HEADER_BYTES; at + frameBytes <= wal.length; at += frameBytes)
    if (wal.readUInt32BE(at + 4) !== 0) commits += 1
  return commits
}

test('a first upload is two commits: table, row and alarm; then the outcome', async () => {
  const persistTo = await mkdtemp(path.join(tmpdir(), 'ledger-writes-'))
  const world = await startWorld({ persistTo })
  const commits = async () => {
    const files = await readdir(persistTo, { recursive: true })
    // Beside the ledgers is a database of workerd's own, with their alarms.
    const wals = files.filter((file) => /NonceLedger\/[0-9a-f]{64}\.sqlite-wal$/.test(file))
    expect(wals).toHaveLength(1)
    return commitsOf(await readFile(path.join(persistTo, wals[0] ?? '')))
  }
  for (const expected of [2, 4]) {
    const body = randomBytes(100)
    const url = `${world.gateway.url}/v1/challenges/demo/submissions`
    const answer = await fetch(url, { method: 'POST', headers: sign(body).headers, body })
    expect(answer.status).toBe(201)
    // The outcome is written behind the answer.
    await expect.poll(commits).toBe(expected)
  }
  await world.close()
})
