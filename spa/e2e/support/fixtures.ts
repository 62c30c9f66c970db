import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

import { expect, test as base, type Page } from '@playwright/test'

import { CartPage } from '../pages/cart'
import { CashierPage } from '../pages/cashier'
import { CoursePage } from '../pages/course'
import { EntryPage } from '../pages/entry'
import { HeadOfPage } from '../pages/head'
import { MessagesPage } from '../pages/messages'
import { OrdersPage } from '../pages/orders'
import { ResultPage } from '../pages/result'
import { SettlementPage } from '../pages/settlement'
import { WechatPage } from '../pages/wechat'
import { address } from './addresses'
import { Keyboard } from './keyboard'
import { School, type Learner } from './school'

interface Given {
  /** Whether the browser is a visitor's: nobody is signed in. */
  visitor: boolean
  school: School
  /** Of this test alone. */
  learner: Learner
  keyboard: Keyboard
  head: HeadOfPage
  course: CoursePage
  cart: CartPage
  settlement: SettlementPage
  cashier: CashierPage
  wechat: WechatPage
  result: ResultPage
  orders: OrdersPage
  entry: EntryPage
  messages: MessagesPage
}

/** What `stores/session.ts` keeps in the browser. */
function storedSession({ session: { token, expire_date, userinfo } }: Learner): string {
  return JSON.stringify({ token, expire_date, ...userinfo })
}

export const test = base.extend<Given>({
  visitor: [false, { option: true }],
  school: async ({ playwright }, use) => {
    const request = await playwright.request.newContext()
    await use(new School(request))
    await request.dispose()
  },
  learner: async ({ school }, use) => use(await school.register()),
  storageState: async ({ visitor, learner }, use) => {
    const localStorage = visitor ? [] : [{ name: 'session', value: storedSession(learner) }]
    const sites = ['SHOP_URL', 'FAULTY_SHOP_URL', 'V4_SHOP_URL']
    await use({ cookies: [], origins: sites.map((name) => ({ origin: address(name), localStorage })) })
  },
  keyboard: async ({ page }, use) => use(new Keyboard(page)),
  head: async ({ page }, use) => use(new HeadOfPage(page)),
  course: async ({ page }, use) => use(new CoursePage(page)),
  cart: async ({ page }, use) => use(new CartPage(page)),
  settlement: async ({ page }, use) => use(new SettlementPage(page)),
  cashier: async ({ page }, use) => use(new CashierPage(page)),
  wechat: async ({ page }, use) => use(new WechatPage(page)),
  result: async ({ page }, use) => use(new ResultPage(page)),
  orders: async ({ page }, use) => use(new OrdersPage(page)),
  messages: async ({ page }, use) => use(new MessagesPage(page)),
  entry: async ({ page, school }, use) => use(new EntryPage(page, school)),
})

/** In the page: links and controls that are less than 24 pixels wide or high, but for those within a sentence. */
function smallTargets(): string[] {
  const isInSentence = (one: Element) => [...one.parentElement!.childNodes].some((node) => node instanceof Text && node.data.trim())
  const isSmall = (one: Element) => {
    const { width, height } = one.getBoundingClientRect()
    return Math.min(width, height) < 24
  }
  return [...document.querySelectorAll('a[href], button, select, summary')]
    .filter((one) => one.checkVisibility({ visibilityProperty: true }) && isSmall(one) && !isInSentence(one))
    .map((one) => one.outerHTML)
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds in a page: its rule, and where. It runs there, and tells no more than that: to bring its whole report over
 * takes twice as long as to make it.
 */
async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') }
    const found = await axe.run(document, { resultTypes: ['violations'] })
    return found.violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' ')}`)
  })
}

/** Nothing that axe finds is left, no target is too small, and nothing is wider than the screen. Wait for what the page shows
 * before.
 */
export async function expectAccessible(page: Page): Promise<void> {
  expect.soft(await violations(page)).toEqual([])
  expect.soft(await page.evaluate(smallTargets)).toEqual([])
  expect.soft(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBeLessThanOrEqual(0)
}

export { expect } from '@playwright/test'
