// The line to the API breaks, and is mended. One line serves all workers: one test after the other, and no other file's.
import { address } from './support/addresses'
import { PYTHON, SQL } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'

test.describe.configure({ mode: 'default' })
test.use({ baseURL: address('FAULTY_SHOP_URL') })
test.afterEach(({ school }) => school.apiGoes('up'))

test('an API that is away is told, and asked again when it is back', async ({ page, school }) => {
  await school.apiGoes('down')
  await page.goto('/')
  const again = page.getByRole('main').getByRole('button', { name: '重试' })
  await expect(again.first()).toBeVisible()
  await school.apiGoes('up')
  await again.first().click()
  await expect(page.getByRole('main').getByRole('link', { name: PYTHON.name }).first()).toBeVisible()
})

test('the answer to an order is lost: it is told, and trying again makes no second one', async ({ page, settlement, cashier, school, learner }) => {
  await settlement.open(SQL)
  await expect(settlement.payButton).toHaveText('支付 ¥99.00')
  await school.paymentAnswersGetLost()
  await settlement.payButton.click()
  await expect(settlement.unanswered).toContainText('不会重复下单')
  await expect(settlement.payButton).toBeDisabled()
  const placed = await school.orders(learner)
  expect(placed).toHaveLength(1)
  await expectAccessible(page)

  await test.step('the API is away altogether', async () => {
    await school.apiGoes('down')
    const asked = page.waitForResponse((response) => response.url().endsWith('/payment'))
    await settlement.againButton.click()
    expect((await asked).status()).toBe(503)
    await expect(settlement.unanswered).toBeVisible()
  })

  await school.apiGoes('up')
  await page.reload()
  await expect(settlement.unanswered).toContainText('上一次点击支付后没有收到结果')
  await settlement.againButton.click()
  await expect(cashier.payButton).toBeVisible()
  const numbers = placed.map((one) => one.order_number)
  expect((await school.orders(learner)).map((one) => one.order_number)).toEqual(numbers)
  await expect(page.getByText(numbers.join(), { exact: true })).toBeVisible()
})
