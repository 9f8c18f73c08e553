/**
 * Challenges share the gateway's web origin: what one of them can do to another's pages, in a
 * browser.
 */

import { createServer } from 'node:http'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fieldTool } from '../support/field.ts'
import { listen } from '../support/listen.ts'
import { startWorld, type TestWorld } from '../support/world.ts'

const browsers = fieldTool('chromium')
const WORKER = "self.addEventListener('fetch', (e) => e.respondWith(new Response('taken over')))"

/**
 * Answers every path with what its page wants a browser to believe, and remembers the cookies that
 * it is sent.
 */
function createChallenge(name: string, cookiesSeen: string[]) {
  return createServer((request, response) => {
    cookiesSeen.push(request.headers.cookie ?? '')
    const script = request.url?.endsWith('.js') === true
    response.setHeader('Content-Type', script ? 'text/javascript' : 'text/html')
    if (request.url?.includes('kept')) response.setHeader('Cache-Control', 'public, max-age=600')
    else
      response.setHeader('Set-Cookie', [
        `${name}-plain=1`,
        `${name}-root=1; Path=/`,
        `${name}-sub=1; Path=/challenges/victim; Domain=localhost`,
      ])
    response.setHeader('Service-Worker-Allowed', '/')
    response.setHeader('Clear-Site-Data', '"cookies", "storage"')
    response.end(script ? WORKER : '<title>page</title>')
  })
}

describe.skipIf(browsers.missing)(`one challenge and another in Chromium${browsers.note}`, () => {
  const seen = { attacker: [] as string[], victim: [] as string[] }
  const servers = [
    createChallenge('attacker', seen.attacker),
    createChallenge('victim', seen.victim),
  ] as const
  let world: TestWorld
  let browser: Browser
  let base: string

  beforeAll(async () => {
    const [attacker, victim] = await Promise.all(servers.map(listen))
    world = await startWorld({
      vars: { CHALLENGES: { attacker: { origin: attacker }, victim: { origin: victim } } },
    })
    // A secure context, where service workers are allowed.
    base = world.gateway.url.replace('127.0.0.1', 'localhost')
    browser = await chromium.launch({ executablePath: browsers.program('chromium'), args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser.close()
    await world.close()
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
  })

  async function visit(path: string): Promise<Page> {
    const page = await browser.newPage()
    await page.goto(base + path)
    return page
  }

  /** What a page of the attacker hears when it registers a service worker. */
  function register(page: Page, script: string, scope?: string): Promise<string> {
    const options = scope === undefined ? '{}' : `{ scope: '${scope}' }`
    return page.evaluate(
      `navigator.serviceWorker.register('${script}', ${options}).then(() => 'registered', (e) => e.name)`,
    )
  }

  test('no page registers a service worker, for the whole origin or for less, kept or not', async () => {
    const page = await visit('/challenges/attacker/page')
    await page.evaluate("fetch('/challenges/attacker/kept.js').then((answer) => answer.text())")
    for (const script of ['/challenges/attacker/sw.js', '/challenges/attacker/kept.js']) {
      for (const scope of ['/', undefined]) expect(await register(page, script, scope)).not.toBe('registered')
    }
    expect(await page.evaluate('navigator.serviceWorker.getRegistrations().then((all) => all.length)')).toBe(
      0,
    )
    await page.goto(`${base}/status`)
    expect(await page.content()).not.toContain('taken over')
    await page.close()
  })

  test('what one has stored outlives a visit to another, which clears only its own', async () => {
    const page = await visit('/challenges/victim/page')
    await page.evaluate("localStorage.setItem('kept', 'yes')")
    await page.goto(`${base}/challenges/attacker/page`)
    expect(await page.evaluate("localStorage.getItem('kept')")).toBe('yes')
    await page.close()
  })

  test.each(['/challenges/attacker', '/challenges/attacker/', '/challenges/attacker/deep/page'])(
    'cookies set at %s reach no other challenge and no page of the gateway',
    async (path) => {
      const page = await visit(path)
      seen.victim.length = 0
      await page.goto(`${base}/challenges/victim`)
      await page.goto(`${base}/challenges/victim/page`)
      expect(seen.victim.length).toBeGreaterThanOrEqual(2)
      expect(seen.victim.join()).not.toContain('attacker')
      expect(seen.victim.at(-1)).toContain('victim-plain')
      const { cookies } = (await page.context().storageState()) as { cookies: { path: string }[] }
      const paths = cookies.map((each) => each.path)
      expect(paths).not.toEqual([])
      expect(paths.filter((each) => !/^\/challenges\/(attacker|victim)(\/|$)/.test(each))).toEqual([])
      await page.close()
    },
  )
})
