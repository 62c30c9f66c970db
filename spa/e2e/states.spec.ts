// Every page in the states that a day brings: still loading, the shop out of reach, signed out, nothing there; and what
// opens over a page. Axe finds nothing in any. `make audit` runs these, `make test` one state of each page.
import type { Page } from '@playwright/test'

import { address } from './support/addresses'
import { PYTHON, SQL } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'

const ITEM = `item=course-${SQL.course_id}-${SQL.price_policy_id}`
const PUBLIC = ['/', '/courses', `/course/${PYTHON.course_id}`, `/learn/${PYTHON.course_id}`, '/teachers', '/teachers/900001', '/coupons']
const PRIVATE = ['/cart', `/settlement?${ITEM}`, '/payment/result?order_num=20261128000000000ABCDEFGHIJ', '/orders', '/orders/20261128000000000ABCDEFGHIJ', '/my/courses', '/my/coupons', '/my/beli', '/my/account']

/** Keep each answer of the API back until the page is closed: it stays as it is while it loads. */
async function holdAnswers(page: Page): Promise<void> {
  await page.route('**/shop-api/**', () => {})
}

test.describe('@audit', () => {
  for (const path of [...PUBLIC, ...PRIVATE]) {
    test(`${path} while it loads`, async ({ page }) => {
      await holdAnswers(page)
      await page.goto(path)
      await expect(page.locator('[aria-busy="true"], [role="status"]').first()).toBeAttached()
      await expectAccessible(page)
    })
  }

  for (const path of PRIVATE) {
    test(`${path} of a learner who has nothing`, async ({ page }) => {
      await page.goto(path)
      await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1)
      await expect(page.locator('[aria-busy="true"]')).toHaveCount(0)
      await expectAccessible(page)
    })
  }

  for (const status of ['待支付', '交易成功', '退费申请中', '已退费', '主动取消', '超时取消']) {
    test(`no order is ${status}`, async ({ page }) => {
      await page.goto(`/orders?status=${status}`)
      await expect(page.locator('[aria-busy="true"]')).toHaveCount(0)
      await expectAccessible(page)
    })
  }
})

test.describe('@audit a visitor', () => {
  test.use({ visitor: true })

  for (const path of PRIVATE.filter((one) => one !== '/cart')) {
    test(`${path} asks to sign in`, async ({ page, entry }) => {
      await page.goto(path)
      await expect(entry.signInHeading).toBeVisible()
      await expectAccessible(page)
    })
  }

  test('is refused at the door', async ({ page, entry, learner }) => {
    await page.goto('/sign-in')
    await entry.withSlider(() => entry.signIn(learner.username, 'not the password'))
    await expect(page.getByRole('main')).toContainText('密码错误')
    await expectAccessible(page)
    await page.goto('/register')
    await entry.name.fill(learner.username)
    await entry.password.fill('1')
    await entry.registerButton.click()
    await expectAccessible(page)
  })

  test('sees the slider', async ({ page, entry, learner }) => {
    await page.goto('/sign-in')
    await entry.signIn(learner.username, learner.password)
    await expect(entry.slider.getByRole('slider')).toBeFocused()
    await expectAccessible(page)
  })
})

test.describe('@audit over a page', () => {
  test('the learner’s menu', async ({ page, head }) => {
    await page.goto('/')
    await head.openMenu()
    await expect(page.getByRole('navigation', { name: '我的' })).toBeVisible()
    await expectAccessible(page)
  })

  test('the filters, chosen and empty', async ({ page }) => {
    await page.goto('/courses?level=初级&free=1&words=没有这样的课程')
    await expect(page.locator('[aria-busy="true"]')).toHaveCount(0)
    await expectAccessible(page)
    const drawer = page.getByRole('button', { name: /^筛选/ })
    if (await drawer.isVisible()) {
      await drawer.click()
      const dialog = page.getByRole('dialog')
      await expect(dialog).toBeVisible()
      await expectAccessible(page)
    }
  })

  test('the question whether an order is to be cancelled', async ({ page, school, learner, orders }) => {
    const number = await school.order(learner, [SQL])
    await orders.open()
    await orders.one(number).getByRole('button', { name: '取消订单' }).click()
    await expect(page.getByRole('dialog')).toHaveCSS('opacity', '1')
    await expectAccessible(page)
  })
})

test.describe('@audit the shop is out of reach', () => {
  // One switch serves all workers: one page after the other.
  test('each page says so, with a way on', async ({ page, school }) => {
    test.setTimeout(600_000)
    await school.apiGoes('down')
    try {
      for (const path of [...PUBLIC, ...PRIVATE]) {
        await test.step(path, async () => {
          await page.goto(`${address('FAULTY_SHOP_URL')}${path}`)
          await expect(page.getByRole('main').getByRole('button', { name: /重试|再/ }).first()).toBeVisible()
          await expectAccessible(page)
        })
      }
    } finally {
      await school.apiGoes('up')
    }
  })
})
