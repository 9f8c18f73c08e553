/**
 * Copies of one signed upload, all in flight at once: exactly one may reach the challenge.
 */

import { always, type Figure, showAnswers } from './report.ts'
import { signUploads, UPLOAD_PATH } from './signed.ts'
import type { World } from './world.ts'

const COPIES = 40
const ROUNDS = 10
const BYTES = 1000

export async function sendCopies(world: World): Promise<readonly Figure[]> {
  const gateway = await world.startGateway()
  const total: Record<string, number> = {}
  let right = 0
  for (let round = 0; round < ROUNDS; round += 1) {
    const [upload = ''] = signUploads(1, BYTES)
    const before = await world.uploadsReceived()
    const { answers } = await world.load({
      port: gateway.port,
      path: UPLOAD_PATH,
      uploads: Array.from({ length: COPIES }, () => upload),
      bytes: BYTES,
      connections: COPIES,
      expected: `{"bytes":${BYTES}}`,
      manner: 'gated',
    })
    const received = (await world.uploadsReceived()) - before
    for (const [answer, count] of Object.entries(answers)) total[answer] = (total[answer] ?? 0) + count
    if (received === 1 && answers['201'] === 1 && answers['409 nonce_already_used'] === COPIES - 1) right += 1
  }
  await gateway.close()
  console.log(`\n${COPIES} copies of one signed upload at once, ${ROUNDS} rounds: ${showAnswers(total)}`)
  return [
    always(
      `${COPIES} copies at once: one reaches the challenge, ${COPIES - 1} get 409`,
      right === ROUNDS,
      `${right} of ${ROUNDS} rounds`,
      'always',
    ),
  ]
}
