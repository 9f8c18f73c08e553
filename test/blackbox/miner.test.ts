/** The miner's tools against the running gateway: CLI, SDK, dry run, curl. */

import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createClient, type DryRunReport, keySigner, walletSigner } from '../../miner/client.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { DEV_KEYS } from '../../tools/dev/keys.ts'
import { listen } from '../support/listen.ts'
import { CLI, cli, run } from '../support/miner.ts'
import { sha256 } from '../support/upload.ts'
import { devSigner, sign, startWorld, type TestWorld, TOKEN } from '../support/world.ts'

const ALICE = encodeSs58(devSigner('alice').publicKey)
const PATH = '/v1/challenges/demo/submissions'
const BODY = Uint8Array.from(new TextEncoder().encode('print(1)\n'))

let world: TestWorld
let directory: string
let seedFile: string
let file: string

beforeAll(async () => {
  world = await startWorld()
  directory = await mkdtemp(path.join(tmpdir(), 'miner-'))
  seedFile = path.join(directory, 'seed')
  file = path.join(directory, 'agent.py')
  const alice = DEV_KEYS.find(({ name, scheme }) => name === 'alice' && scheme === 'sr25519')
  await writeFile(seedFile, `0x${alice?.seed}\n`, { mode: 0o600 })
  await writeFile(file, BODY)
})

afterAll(async () => {
  await world.close()
  await rm(directory, { recursive: true })
})

function edge(...args: string[]) {
  return cli([...args, '--secret-file', seedFile], { PLATFORM_EDGE_URL: world.gateway.url })
}

describe('platform-edge', () => {
  test('upload, then status: the exact bytes arrive and are found again', async () => {
    const uploaded = await edge('upload', file, '--challenge', 'demo', '--json-output')
    expect(uploaded).toMatchObject({ code: 0 })
    const { answer, request_id } = JSON.parse(uploaded.stdout)
    expect(answer).toMatchObject({ hotkey: ALICE, uid: 1, bytes: 9, filename: 'agent.py', request_id })
    expect(Buffer.from(world.received.at(-1)?.content ?? []).equals(BODY)).toBe(true)
    const status = await edge('status', answer.id, '--challenge', 'demo')
    expect(status.code).toBe(0)
    expect(JSON.parse(status.stdout)).toMatchObject({ id: answer.id })
  })

  test('7.5 MB', async () => {
    const large = path.join(directory, 'large.zip')
    await writeFile(large, randomBytes(7_500_000))
    const { code, stdout } = await edge('upload', large, '--challenge', 'demo')
    expect([code, stdout.split(' (')[0]]).toEqual([0, 'accepted by demo'])
    await writeFile(large, randomBytes(7_500_001))
    const refused = await edge('upload', large, '--challenge', 'demo')
    expect(refused.code).toBe(4)
    expect(refused.stderr).toContain('7500001 bytes; the gateway takes at most 7500000')
  })

  test('a replay says that the first attempt arrived', async () => {
    const nonce = randomUUID()
    const once = () => edge('upload', file, '--challenge', 'demo', '--nonce', nonce)
    expect((await once()).code).toBe(0)
    await expect.poll(async () => (await once()).stdout).toContain('the first attempt arrived')
    await writeFile(path.join(directory, 'other.py'), 'else')
    const other = await edge(
      'upload',
      path.join(directory, 'other.py'),
      '--challenge',
      'demo',
      '--nonce',
      nonce,
    )
    expect(other.code).toBe(1)
    expect(other.stderr).toContain('the first attempt arrived and was answered 201, with another body')
  })

  test('interrupted when the upload has arrived: the nonce that is named counts once', async () => {
    const before = world.received.length
    const relay = createServer((incoming, outgoing) => {
      const { method, headers } = incoming
      const onward = request(world.gateway.url + incoming.url, { method, headers }, (answer) => {
        // The answer to the upload is lost; instead the miner presses Ctrl-C.
        if (method === 'POST') return child.kill('SIGINT')
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
        return answer.pipe(outgoing)
      })
      incoming.pipe(onward)
    })
    const env = { HOME: '/nonexistent', PLATFORM_EDGE_URL: await listen(relay) }
    const args = [CLI, 'upload', file, '--challenge', 'demo', '--secret-file', seedFile]
    const child = spawn(process.execPath, args, { env })
    let stderr = ''
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    const [code] = await once(child, 'close')
    relay.closeAllConnections()
    relay.close()
    expect(code).toBe(130)
    const nonce = /--nonce (\S+) to find out/.exec(stderr)?.[1] ?? ''
    const again = await edge('upload', file, '--challenge', 'demo', '--nonce', nonce)
    expect([again.code, again.stdout]).toEqual([0, expect.stringContaining('the first attempt arrived')])
    expect(world.received.length - before).toBe(1)
  })

  test('verify reports every check and spends nothing', async () => {
    const nonce = randomUUID()
    const before = world.received.length
    const dry = await edge('verify', file, '--challenge', 'demo', '--nonce', nonce)
    expect(dry.code).toBe(0)
    expect(dry.stdout).toContain('would be accepted; nothing was spent or forwarded')
    expect(dry.stdout.match(/^pass /gm)).toHaveLength(9)
    expect(world.received.length).toBe(before)
    expect((await edge('upload', file, '--challenge', 'demo', '--nonce', nonce)).code).toBe(0)
    const spent = await edge('verify', file, '--challenge', 'demo', '--nonce', nonce)
    expect(spent.code).toBe(1)
    expect(spent.stdout).toMatch(/^fail {4}nonce +nonce already used/m)
  })

  test('verify shows both texts when they differ', async () => {
    const { code, stdout } = await edge('verify', file, '--challenge', 'demo', '--netuid', '5')
    expect(code).toBe(1)
    expect(stdout).toMatch(
      /^ {2}canonical_message platform-upload-v1:100:demo:.*\n {2}signed {12}platform-upload-v1:5:demo:/m,
    )
  })

  test('sign prints what curl sends', async () => {
    const { stdout, code } = await edge('sign', file, '--challenge', 'demo')
    expect(code).toBe(0)
    const curl = stdout.trim().split('\n').at(-1) ?? ''
    const sent = await run('sh', ['-c', curl.replace('curl ', 'curl -s ')])
    expect(JSON.parse(sent.stdout)).toMatchObject({
      hotkey: ALICE,
      code_hash: sha256(BODY),
      filename: 'agent.py',
    })
  })

  test('whoami, limits, doctor', async () => {
    expect((await edge('whoami')).stdout).toContain(`hotkey ${ALICE}\nscheme sr25519`)
    expect(JSON.parse((await edge('whoami', '--json-output')).stdout)).toMatchObject({ uid: 1, netuid: 100 })
    expect((await edge('limits')).stdout).toMatch(/^max_upload_bytes +7500000$/m)
    const doctor = await edge('doctor', '--challenge', 'demo')
    expect(doctor.stdout).toMatch(/^ok +dry run +an upload would be accepted$/m)
    expect(doctor.code).toBe(0)
  })

  const FAILING: [name: string, args: string[], code: number, line: string, hint: string][] = [
    ['unknown challenge', ['--challenge', 'nope'], 1, 'Challenge not found (404 challenge_not_found', 'slug'],
    ['name for slug', ['--challenge', 'Demo Challenge'], 2, 'is not a slug', '--challenge demo-challenge'],
    ['wrong netuid', ['--challenge', 'demo', '--netuid', '1'], 1, 'invalid signature', 'signed for netuid 1'],
  ]
  test.each(FAILING)('%s: one line, a hint, a code', async (_, args, code, line, hint) => {
    const { code: got, stderr } = await edge('upload', file, ...args, '--quiet')
    expect(got).toBe(code)
    const [error = '', help = '', ...rest] = stderr.trim().split('\n')
    expect(error).toMatch(/^error: /)
    expect(error).toContain(line)
    expect(help).toMatch(/^hint: /)
    expect(help).toContain(hint)
    const texts = rest.map((each) => each.replace(/:demo:.*/, ''))
    expect(texts).toEqual(
      line === 'invalid signature'
        ? ['  canonical_message platform-upload-v1:100', '  signed            platform-upload-v1:1']
        : [],
    )
  })

  /** What the challenge does with an upload that it has. */
  const LOST: [challenge: string, code: number, says: RegExp][] = [
    ['reset', 5, /^error: it is unknown whether .* \(nonce \S+, request \S+\): the gateway says unknown$/m],
    ['hang', 5, /^error: it is unknown whether .* \(nonce \S+, request \S+\): the gateway says unknown$/m],
    ['truncated', 0, /^the first attempt arrived: the challenge answered 200 \(request \S+\)$/m],
  ]
  test.each(LOST)('%s: the challenge gets one upload', async (challenge, code, says) => {
    const before = world.reached[challenge] ?? 0
    const { code: got, stdout, stderr } = await edge('upload', file, '--challenge', challenge)
    expect([got, (world.reached[challenge] ?? 0) - before]).toEqual([code, 1])
    expect(stdout + stderr).toMatch(says)
    expect(stderr).toMatch(/\(nonce [^)]+\); retry 1 with the same nonce in \d/)
  })
})

test('curl -d loses the line end, and the refusal says so', async () => {
  const { headers } = sign(BODY)
  const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const sent = await run('curl', ['-s', ...lines, '-d', `@${file}`, world.gateway.url + PATH])
  expect(JSON.parse(sent.stdout)).toMatchObject({
    code: 'invalid_signature',
    body_bytes: 8,
    likely_cause: expect.stringContaining('curl -d drops line ends: send with --data-binary'),
  })
})

describe('the dry run', () => {
  async function verify(headers: Readonly<Record<string, string>>, path = PATH) {
    const response = await fetch(`${world.gateway.url}${path}/verify`, {
      method: 'POST',
      headers,
      body: BODY,
    })
    const report: DryRunReport = await response.json()
    return { status: response.status, report }
  }
  const results = (report: DryRunReport) =>
    Object.fromEntries(report.checks.map(({ check, result }) => [check, result]))

  test('shows what the challenge would get, and no token', async () => {
    const { headers } = sign(BODY)
    const { status, report } = await verify({ ...headers, 'content-type': 'text/x-python' }, PATH)
    expect(status).toBe(200)
    expect(report).toMatchObject({
      would_be_accepted: true,
      uid: 1,
      nonce_free: true,
      body: { bytes: 9, sha256: sha256(BODY) },
    })
    expect(report.metagraph?.block).toBeGreaterThan(0)
    const uploaded = await fetch(`${world.gateway.url}${PATH}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'text/x-python' },
      body: BODY,
    })
    expect(uploaded.status).toBe(201)
    const got = world.received.at(-1)
    const seen = Object.fromEntries((got?.headers ?? []).map(([name, value]) => [name.toLowerCase(), value]))
    for (const [name, value] of Object.entries(report.challenge_receives?.headers ?? {})) {
      if (name !== 'x-request-id') expect([name, seen[name]]).toEqual([name, value])
    }
    expect(report.challenge_receives?.target).toBe(got?.target)
    expect(JSON.stringify(report)).not.toContain(TOKEN)
    expect(JSON.stringify(report).toLowerCase()).not.toContain('authorization')
  })

  test('goes on after a failure, but verifies nothing that an upload is refused for unread', async () => {
    const { headers } = sign(BODY, { timestamp: Math.floor(Date.now() / 1000) - 400 })
    const { report } = await verify(headers)
    expect(results(report)).toMatchObject({
      freshness: 'fail',
      signature: 'skipped',
      registration: 'pass',
      nonce: 'skipped',
      challenge_token: 'pass',
    })
    expect(report.would_be_accepted).toBe(false)
    expect(report.challenge_receives).toBeUndefined()
  })

  test('a signature for the dry run itself is not one for the upload', async () => {
    const { headers } = sign(BODY, { path: `${PATH}/verify` })
    const { report } = await verify(headers)
    expect(results(report)).toMatchObject({ signature: 'fail', nonce: 'skipped' })
  })

  test('a stranger makes no ledger', async () => {
    const ledgers = await world.gateway.listLedgers()
    const signer = devSigner('alice', 'ed25519')
    const stranger = sign(BODY, { signer: { ...signer, publicKey: randomBytes(32) } })
    const { report } = await verify(stranger.headers)
    expect(results(report)).toMatchObject({ registration: 'fail', nonce: 'skipped' })
    expect(await world.gateway.listLedgers()).toEqual(ledgers)
  })

  test('is limited by address', async () => {
    const headers = { 'cf-connecting-ip': '192.0.2.7' }
    const statuses = new Set<number>()
    // A minute may end on the way; within two of them one has more than 60 requests.
    for (let times = 0; times < 130 && !statuses.has(429); times += 1)
      statuses.add((await verify(headers)).status)
    expect([...statuses]).toEqual([200, 429])
  })
})

describe('the SDK', () => {
  test('submits, reads, verifies, and gives refusals as values', async () => {
    const client = createClient({ gateway: world.gateway.url, signer: keySigner(devSigner('bob')) })
    const sent = await client.submitUpload<{ id: string }>({ challenge: 'demo', body: BODY })
    if (!sent.ok || sent.value === undefined) throw new Error(JSON.stringify(sent))
    expect(await client.getSubmission('demo', sent.value.id)).toMatchObject({ ok: true, value: { uid: 2 } })
    expect(await client.verifyUpload({ challenge: 'demo', body: BODY })).toMatchObject({
      value: { would_be_accepted: true },
    })
    const gone = await client.submitUpload({ challenge: 'nope', body: BODY })
    expect(gone).toMatchObject({ ok: false, kind: 'problem', problem: { code: 'challenge_not_found' } })
  })

  test('an upload that certainly did not arrive gets a fresh nonce, one that may have does not', async () => {
    const client = createClient({
      gateway: world.gateway.url,
      signer: keySigner(devSigner('bob')),
      // The outcome is written down after the answer.
      sleep: () => new Promise((resolve) => setTimeout(resolve, 100)),
    })
    const reached = async (challenge: string) => {
      const before = world.reached[challenge] ?? 0
      const answer = await client.submitUpload({ challenge, body: BODY })
      return { answer, times: (world.reached[challenge] ?? 0) - before }
    }
    expect(await reached('tunnel')).toMatchObject({ times: 3, answer: { status: 502 } })
    expect(await reached('garbage')).toMatchObject({
      times: 1,
      answer: { status: 409, mayHaveArrived: true },
    })
    expect(await reached('failing')).toMatchObject({ times: 1, answer: { kind: 'challenge', status: 503 } })
  })

  test('a browser wallet wraps in <Bytes>', async () => {
    const alice = devSigner('alice')
    const signer = walletSigner(ALICE, async ({ data }) => {
      const wrapped = Buffer.concat([
        Buffer.from('<Bytes>'),
        Buffer.from(data.slice(2), 'hex'),
        Buffer.from('</Bytes>'),
      ])
      return { signature: `0x${Buffer.from(alice.sign(wrapped, randomBytes(32))).toString('hex')}` }
    })
    const client = createClient({ gateway: world.gateway.url, signer })
    expect(await client.submitUpload({ challenge: 'demo', body: BODY })).toMatchObject({
      ok: true,
      status: 201,
    })
  })

  test('a clock that is off is corrected once', async () => {
    const events: string[] = []
    const client = createClient({
      gateway: world.gateway.url,
      signer: keySigner(devSigner('alice')),
      now: () => Date.now() - 3_600_000,
      onEvent: ({ event }) => event === 'send' || events.push(event),
    })
    expect(await client.submitUpload({ challenge: 'demo', body: BODY })).toMatchObject({ ok: true })
    expect(await client.submitUpload({ challenge: 'demo', body: BODY })).toMatchObject({ ok: true })
    expect(events).toEqual(['clock'])
  })
})
