// The site that serves the front: what it lets pages load, and an API of another origin.
import { expect, test, type Page } from '@playwright/test'

import { address } from './support/addresses'

/** What the page complains of in the console, from now on: failed requests and broken rules of the policy too. */
function complaints(page: Page): string[] {
  const found: string[] = []
  page.on('console', (message) => message.type() === 'error' && found.push(message.text()))
  page.on('pageerror', (error) => found.push(error.message))
  return found
}

const courses = (page: Page) => page.getByRole('main').getByRole('link', { name: 'Python 编程' })

test('one site serves page, pictures and API, and the console stays empty', async ({ page }) => {
  const found = complaints(page)
  await page.goto('/')
  await expect(courses(page).first()).toBeVisible()
  expect(found).toEqual([])
})

test('an API of another origin serves the front as well', async ({ page }) => {
  const found = complaints(page)
  const asked = page.waitForResponse((response) => response.url().startsWith(address('API_URL')))
  await page.goto(address('CORS_SHOP_URL'))
  await asked
  await expect(courses(page).first()).toBeVisible()
  expect(found).toEqual([])
})
