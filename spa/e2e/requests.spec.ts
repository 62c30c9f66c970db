// Which requests a visit and an order make: what the sheet of costs in infra/README.md counts with.
import { readFileSync } from 'node:fs'

import type { Page } from '@playwright/test'

import { NEWCOMER_COUPON, PYTHON, SQL } from './support/courses'
import { expect, test } from './support/fixtures'

type Requests = Record<string, number>

const usage = JSON.parse(readFileSync(new URL('../../infra/usage.json', import.meta.url), 'utf8')) as Record<'visit' | 'order', { asks: Requests }[]>

/** What infra/usage.json says of a journey, its steps together. */
function stated(journey: 'visit' | 'order'): Requests {
  const sum: Requests = {}
  for (const { asks } of usage[journey]) {
    for (const [name, times] of Object.entries(asks)) sum[name] = (sum[name] ?? 0) + times
  }
  return sum
}

/** The page asks for it until the order is paid: how often is a matter of Alipay's notice, so it counts once here. */
const ASKED_AGAIN = 'GET /order/{order_number}'

/** The requests of the API that the page makes from now on, by method and path; ids stand in the path by their names. */
function recorded(page: Page): Requests {
  const seen: Requests = {}
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    if (!pathname.startsWith('/shop-api/')) return
    const path = pathname
      .slice('/shop-api'.length)
      .replace(/(?<=^\/course\/)\d+/, '{id}')
      .replace(/(?<=^\/coupons\/)\d+/, '{coupon_id}')
      .replace(/(?<=^\/order\/)[^/]+/, '{order_number}')
    const name = `${request.method()} ${path}`
    seen[name] = name === ASKED_AGAIN ? 1 : (seen[name] ?? 0) + 1
  })
  return seen
}

test.use({ visitor: true })

test('a visit makes the requests that the sheet of costs counts', async ({ page, course }) => {
  const seen = recorded(page)
  await page.goto('/')
  await page.getByRole('link', { name: '去选课' }).click()
  await page.getByRole('complementary').getByRole('link', { name: /编程/ }).first().click()
  await page.getByRole('main').getByRole('link', { name: new RegExp(PYTHON.name) }).first().click()
  await expect(course.heading).toHaveText(PYTHON.name)
  await page.getByRole('complementary').getByRole('link').first().click()
  await expect(course.heading).not.toHaveText(PYTHON.name)
  await expect.poll(() => seen).toEqual(stated('visit'))
})

test('an order makes the requests that the sheet of costs counts', async ({ page, course, cart, head, entry, learner, settlement, cashier, result }) => {
  for (const [chosen, count] of [[SQL, 1], [PYTHON, 2]] as const) {
    await course.open(chosen)
    await course.choose(chosen.validity)
    await course.addButton.click()
    await expect(head.cartWith(count)).toBeVisible()
  }
  const seen = recorded(page)
  const claim = page.getByRole('button', { name: `领取 ${NEWCOMER_COUPON.name}` })
  await page.getByRole('banner').getByRole('link', { name: /^领券/ }).click()
  await claim.click()
  await entry.withSlider(() => entry.signIn(learner.username, learner.password))
  await expect(head.isSignedIn).toBeVisible()
  await entry.withSlider(() => claim.click())
  await expect(claim).toBeHidden()
  await head.cart.click()
  await cart.settle.click()
  await expect(settlement.row('应付')).toBeVisible()
  await settlement.payButton.click()
  await cashier.payButton.click()
  await expect(result.paid).toBeVisible()
  await head.goTo('我的课程')
  await page.getByRole('main').getByRole('link', { name: new RegExp(PYTHON.name) }).first().click()
  await expect(course.heading).toBeVisible()
  await expect.poll(() => seen).toEqual(stated('order'))
})
