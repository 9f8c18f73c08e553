import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { MINER_USER_AGENT, USER_AGENT } from '../../src/protocol/user-agent.ts'

test("names the gateway, the miner's tools and the version of package.json", () => {
  const { name, version } = JSON.parse(readFileSync('package.json', 'utf8'))
  expect(USER_AGENT).toBe(`${name}/${version}`)
  expect(MINER_USER_AGENT).toBe(`platform-edge/${version}`)
})
