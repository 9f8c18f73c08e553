/**
 * The status page in a browser: readable at any width, in both colour schemes, with and without
 * JavaScript, and accessible.
 */

import axe from 'axe-core'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fieldTool } from '../support/field.ts'
import { startWorld, type TestWorld } from '../support/world.ts'

const browsers = fieldTool('chromium')

describe.skipIf(browsers.missing)(`the status page in Chromium${browsers.note}`, () => {
  let world: TestWorld
  let browser: Browser

  beforeAll(async () => {
    world = await startWorld()
    await world.gateway.runCron()
    browser = await chromium.launch({ executablePath: browsers.program('chromium'), args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser.close()
    await world.close()
  })

  const LOOKS: [width: number, colorScheme: 'light' | 'dark'][] = [
    [1280, 'light'],
    [1280, 'dark'],
    [360, 'light'],
    [360, 'dark'],
  ]
  test.each(LOOKS)(
    '%i pixels wide, %s: nothing is cut off, nothing is inaccessible',
    async (width, colorScheme) => {
      const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme, bypassCSP: true })
      await page.goto(`${world.gateway.url}/status`)
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(width)
      await page.addScriptTag({ content: axe.source })
      const found: { violations: { id: string }[]; passes: object[] } = await page.evaluate('axe.run()')
      expect(found.violations.map(({ id }) => id)).toEqual([])
      expect(found.passes.length).toBeGreaterThan(10)
      await page.close()
    },
  )

  test('copies a command of this very gateway under its own policy', async () => {
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] })
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    await page.goto(`${world.gateway.url}/`)
    await page.locator('.cmd', { hasText: 'npx' }).getByRole('button').click()
    await expect
      .poll(() => page.evaluate('navigator.clipboard.readText()'))
      .toMatch(
        /^npx -p \.\/platform-edge-gateway-[\d.]+\.tgz platform-edge upload FILE --challenge demo --gateway http:/,
      )
    expect(complaints).toEqual([])
    await context.close()
  })

  test('renews itself under its own policy, and says when it cannot', async () => {
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await page.clock.install()
    await page.goto(`${world.gateway.url}/status`)
    await page.evaluate("document.querySelector('h1').textContent = 'old'")
    await page.clock.fastForward(15_100)
    await expect.poll(() => page.textContent('h1')).toMatch(/uploads/i)
    expect(complaints).toEqual([])
    await page.route('**/*', (route) => route.abort())
    await page.clock.fastForward(15_100)
    await expect.poll(() => page.textContent('#age')).toContain('does not answer')
    await page.close()
  })

  test('reads without JavaScript', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(world.gateway.url)
    expect(await page.textContent('main')).toMatch(/Demo Challenge.*answers/s)
    expect(await page.getByRole('button').count()).toBe(0)
    expect(await page.locator('svg[role=img]').first().getAttribute('aria-label')).toMatch(/^Last 24 hours: /)
    await context.close()
  })
})
