// What becomes of a payment. Alipay's bad days are switched for all: one after the other.
import { PYTHON, PYTHON_COUPON, SQL } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'

test.describe.configure({ mode: 'default' })

test('while the notice is late the page waits, and the order is paid by asking', async ({ page, school, learner, result }) => {
  const number = await school.order(learner, [SQL])
  await school.badDay('notice_late', number)
  try {
    await page.goto(`/payment/result?order_num=${number}`)
    await expect(result.heading).toHaveText('正在向支付宝确认')
    await expectAccessible(page)
    await school.atAlipay(number, 'pay')
    await expect(result.paid).toBeVisible()
  } finally {
    await school.badDay('notice_late', number, false)
  }
})

test('a lost notice loses nothing', async ({ page, school, learner, result, cashier, orders }) => {
  const number = await school.order(learner, [SQL])
  await school.badDay('notice_lost', number)
  try {
    await orders.open(number)
    await page.getByRole('button', { name: '继续支付' }).click()
    await cashier.payButton.click()
    await expect(result.paid).toBeVisible()
  } finally {
    await school.badDay('notice_lost', number, false)
  }
})

test('an order whose time is over is closed, and its coupon is back', async ({ page, school, learner, result }) => {
  await school.claim(learner, PYTHON_COUPON.id)
  const number = await school.order(learner, [PYTHON])
  await page.goto(`/payment/result?order_num=${number}`)
  await expect(result.heading).toHaveText('尚未支付')
  await expect(page.getByRole('button', { name: '继续支付', exact: true })).toBeVisible()
  await expectAccessible(page)
  await school.expire(number)
  await expect(result.heading).toHaveText('订单已关闭')
  await expect(page.getByRole('main')).toContainText(`优惠券「${PYTHON_COUPON.name}」已退回`)
  await expectAccessible(page)
})

test('one of two courses is given back @both', async ({ page, school, learner, orders }) => {
  const number = await school.order(learner, [SQL, PYTHON])
  await school.atAlipay(number, 'pay')
  await expect.poll(async () => (await school.orderOf(learner, number)).status).toBe('交易成功')
  await orders.open(number)
  await page.getByRole('button', { name: '申请退费' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('checkbox', { name: new RegExp(PYTHON.name) }).uncheck()
  await dialog.getByRole('checkbox', { name: new RegExp(SQL.name) }).check()
  await expect(dialog).toContainText('¥99.00')
  await dialog.getByRole('radio').first().check()
  await expect(dialog).toHaveCSS('opacity', '1')
  await expectAccessible(page)
  await dialog.getByRole('button', { name: '提交退费申请' }).click()
  await expect.poll(async () => (await school.orderOf(learner, number)).refunds.map((one) => one.status)).toEqual(['待审核'])
  await page.reload()
  await expect(orders.state).toContainText('退费申请中')
  await expectAccessible(page)
})

test('an order is cancelled', async ({ page, school, learner, orders }) => {
  const number = await school.order(learner, [SQL])
  await orders.open()
  await orders.one(number).getByRole('button', { name: '取消订单' }).click()
  await page.getByRole('dialog').getByRole('button', { name: '确认取消' }).click()
  await expect(orders.one(number)).toContainText('主动取消')
})
