// Everything that a stranger does, without a mouse.
import { randomUUID } from 'node:crypto'

import { PYTHON, PYTHON_COUPON, SQL } from './support/courses'
import { expect, test } from './support/fixtures'

test.use({ visitor: true })

test('from the cart to a refund by the keyboard alone @both', async ({ page, keyboard, course, cart, head, entry, settlement, cashier, result, orders }) => {
  test.slow() // some hundred stops, each looked at
  const main = page.getByRole('main')

  await test.step('a visitor fills a cart', async () => {
    await page.goto('/courses')
    for (const [one, count] of [[PYTHON, 1], [SQL, 2]] as const) {
      if (count > 1) await keyboard.press(page.getByRole('navigation', { name: '主导航' }).getByRole('link', { name: '课程' }), 'Enter', 'Shift+Tab')
      await keyboard.press(main.getByRole('article').getByRole('link', { name: one.name }))
      await expect(course.heading).toHaveText(one.name)
      await keyboard.choose(course.validity(one.validity), page.getByRole('group', { name: /^选择有效期/ }))
      await keyboard.press(course.addButton)
      await expect(head.cartWith(count)).toBeVisible()
      await expect(course.inCart).toBeFocused()
    }
    await page.keyboard.press('Enter')
    await expect(cart.total).toHaveText('¥227.00')
    await keyboard.press(cart.tick(SQL.name), 'Space')
    await expect(cart.total).toHaveText('¥128.00')
    await page.keyboard.press('Space')
    await expect(cart.total).toHaveText('¥227.00')
    await keyboard.press(cart.settle)
  })

  await test.step('and registers', async () => {
    await expect(entry.signInHeading).toBeVisible()
    await keyboard.press(page.getByRole('link', { name: '免费注册' }))
    await expect(entry.registerButton).toBeVisible()
    await keyboard.type(entry.name, `键盘学员${randomUUID().slice(0, 8)}`)
    await keyboard.type(entry.password, 'learn-every-day-8')
    await keyboard.press(page.getByRole('checkbox', { name: /我已阅读并同意/ }), 'Space')
    await entry.withSlider(() => keyboard.press(entry.registerButton))
    await expect(settlement.payButton).toHaveText('支付 ¥227.00')
  })

  await test.step('claims a coupon', async () => {
    await keyboard.press(main.getByRole('link', { name: '去领券' }))
    await entry.withSlider(() => keyboard.press(page.getByRole('button', { name: `领取 ${PYTHON_COUPON.name}` })))
    await expect(page.getByRole('link', { name: `去使用 ${PYTHON_COUPON.name}` })).toBeFocused()
    await keyboard.press(main.getByRole('link', { name: '返回结算' }), 'Enter', 'Shift+Tab')
  })

  await test.step('chooses it, and pays', async () => {
    await expect(settlement.payButton).toHaveText('支付 ¥177.00')
    await keyboard.press(page.locator('summary').filter({ has: settlement.courseCoupons }))
    const coupons = settlement.couponsFor(PYTHON.name)
    await keyboard.choose(coupons.getByRole('radio', { name: '不使用优惠券' }), coupons)
    await expect(settlement.payButton).toHaveText('支付 ¥227.00')
    await page.keyboard.press('ArrowUp')
    await expect(settlement.payButton).toHaveText('支付 ¥177.00')
    await keyboard.press(settlement.payButton)
    await expect(cashier.payButton).toBeVisible()
    await keyboard.press(cashier.payButton)
    await expect(result.paid).toBeVisible()
    await keyboard.press(main.getByRole('link', { name: '我的课程' }))
    await expect(main).toBeFocused() // the page before names the courses, too
    for (const one of [PYTHON, SQL]) await expect(main.getByRole('heading', { name: one.name })).toBeVisible()
  })

  await test.step('gives one course back', async () => {
    await keyboard.press(main.getByRole('link', { name: '我的订单' }), 'Enter', 'Shift+Tab')
    await keyboard.press(orders.refundButton)
    const dialog = page.getByRole('dialog', { name: '申请退费' })
    const line = (name: string) => dialog.getByRole('checkbox', { name: new RegExp(name) })
    await expect(line(SQL.name)).toBeVisible()
    await keyboard.press(line(SQL.name), 'Space')
    await expect(line(SQL.name)).toBeChecked()
    await expect(line(PYTHON.name)).not.toBeChecked()
    await expect(dialog).toContainText('¥99.00')
    await keyboard.press(dialog.getByRole('radio').first(), 'Space')
    await keyboard.press(dialog.getByRole('button', { name: '提交退费申请' }))
    await expect(dialog.getByRole('button', { name: '完成' })).toBeFocused()
    await page.keyboard.press('Enter')
    await expect(dialog).toBeHidden()
    await expect(orders.all).toContainText('退费申请中')
    await expect(page.getByRole('group', { name: '订单操作' })).toBeFocused()
  })
})
