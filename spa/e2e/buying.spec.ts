// From choosing a course to owning it.
import { NEWCOMER_COUPON, PYTHON, PYTHON_COUPON, SHEETS, SQL, VUE } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'

test('a course is bought with coupon, general coupon and 贝里 @both', async ({ page, school, learner, course, settlement, cashier, result, head }) => {
  await school.claim(learner, PYTHON_COUPON.id)
  await school.claim(learner, NEWCOMER_COUPON.id)
  await school.grantBeli(learner, 300)

  await course.open(PYTHON)
  await course.choose(PYTHON.validity)
  await expectAccessible(page)
  await course.buyButton.click()

  await expect(settlement.heading).toBeVisible()
  await expect(settlement.row('课程优惠券')).toHaveText('−¥50.00')
  await expect(settlement.row('通用优惠券')).toHaveText('−¥20.00')
  await expect(settlement.row('贝里 300')).toHaveText('−¥30.00')
  await expect(settlement.row('应付')).toHaveText('¥28.00')
  await expectAccessible(page)

  await settlement.beli.uncheck()
  await expect(settlement.payButton).toHaveText('支付 ¥58.00')
  await settlement.beli.check()
  await expect(settlement.payButton).toHaveText('支付 ¥28.00')
  await settlement.payButton.click()

  await expect(cashier.payButton).toBeVisible()
  await cashier.payButton.click()
  await expect(result.paid).toBeVisible()
  await expect(page.getByRole('main')).toContainText('实付 ¥28.00')
  await expectAccessible(page)

  await head.goTo('我的课程')
  await expect(page.getByRole('main').getByText(PYTHON.name)).toBeVisible()
  await head.goTo('我的订单')
  const order = page.getByRole('main').getByRole('article')
  await expect(order).toContainText(PYTHON.name)
  await expect(order).toContainText('实付 ¥28.00')
  await expectAccessible(page)
  await page.reload()
  await expect(head.cart).toHaveAccessibleName('购物车')
})

test('a free course is received without paying', async ({ page, course, settlement }) => {
  await page.goto('/courses?free=1')
  await page.getByRole('main').getByRole('link', { name: /HTML 与 CSS/ }).click()
  await expect(course.heading).toContainText('HTML 与 CSS')
  await page.locator('label').filter({ has: page.getByRole('radio', { name: /免费/ }) }).click()
  await page.getByRole('button', { name: /免费领取|立即领取|立即购买/ }).filter({ visible: true }).click()
  await expect(settlement.row('应付')).toHaveText('¥0.00')
  await settlement.payButton.click()
  await expect(page.getByRole('heading', { level: 1, name: '领取成功' })).toBeVisible()
})

test.describe('a visitor', () => {
  test.use({ visitor: true })

  test('fills a cart, and signing in keeps the validity that was chosen last', async ({ page, course, cart, head, entry, school, learner }) => {
    await school.putIntoCart(learner, { ...SQL, price_policy_id: 900041 })
    for (const [chosen, count] of [[SQL, 1], [PYTHON, 2]] as const) {
      await course.open(chosen)
      await course.choose(chosen.validity)
      await course.addButton.click()
      await expect(head.cartWith(count)).toBeVisible()
    }
    await head.cart.click()
    await expect(cart.lines).toHaveCount(2)
    await expect(cart.total).toHaveText('¥227.00')
    await expectAccessible(page)
    await cart.settle.click()
    await expect(entry.signInHeading).toBeVisible()
    await entry.withSlider(() => entry.signIn(learner.username, learner.password))
    await expect(page).toHaveURL(/\/settlement/)
    await expect(page.getByRole('main').getByRole('heading', { level: 3 })).toHaveCount(2)

    await cart.open()
    await expect(cart.lines).toHaveCount(2)
    await expect(cart.validityOf(SQL.name)).toHaveValue(String(SQL.price_policy_id))
    await expect(cart.validityOf(PYTHON.name)).toHaveValue(String(PYTHON.price_policy_id))
    const { data } = await school.ask('GET', '/shoppingcar', { learner })
    expect(data.total).toBe(2)
  })
})

test('validity, selection and removal in the cart @both', async ({ page, cart, school, learner, head }) => {
  for (const one of [PYTHON, SQL, SHEETS]) await school.putIntoCart(learner, one)
  await cart.open()
  await expect(cart.total).toHaveText('¥276.90')
  await expectAccessible(page)
  await cart.validityOf(SQL.name).selectOption('12个月 · ¥169.00')
  await expect(cart.total).toHaveText('¥346.90')
  await cart.tick(PYTHON.name).uncheck()
  await expect(cart.total).toHaveText('¥218.90')
  await cart.remove(SHEETS.name)
  await expect(cart.total).toHaveText('¥169.00')
  await expect(head.cartWith(2)).toBeVisible()
  await page.reload()
  await expect(cart.validityOf(SQL.name)).toHaveValue('900043')
  await expect(cart.lines).toHaveCount(2)
})

test('a coupon that another order took meanwhile is told, and the sum counted anew', async ({ page, settlement, school, learner, cashier }) => {
  await school.claim(learner, PYTHON_COUPON.id)
  await settlement.open(PYTHON)
  await expect(settlement.row('课程优惠券')).toHaveText('−¥50.00')
  await school.order(learner, [PYTHON])
  await settlement.payButton.click()
  await expect(settlement.notice).toBeVisible()
  await expect(settlement.row('应付')).toHaveText('¥128.00')
  await expect(page).toHaveURL(/\/settlement/)
  await settlement.payButton.click()
  await expect(cashier.payButton).toBeVisible()
})

test('two clicks on the pay button make one order', async ({ settlement, cashier, school, learner }) => {
  await settlement.open(VUE)
  await expect(settlement.payButton).toHaveText('支付 ¥199.00')
  await settlement.payButton.dblclick()
  await expect(cashier.payButton).toBeVisible()
  expect(await school.orders(learner)).toHaveLength(1)
})

test('the way back from the cashier leads to the order, and on to paying it', async ({ page, settlement, cashier, result, school, learner }) => {
  await settlement.open(SQL)
  await settlement.payButton.click()
  await expect(cashier.payButton).toBeVisible()
  await page.goBack()
  await expect(page).toHaveURL(/order_num=/)
  const goOn = page.getByRole('button', { name: /继续支付/ })
  await expect(goOn).toBeVisible()
  await goOn.click()
  await expect(cashier.back).toBeVisible()
  await cashier.back.click()
  await expect(page).toHaveURL(/order_num=/)
  await expect(goOn).toBeVisible()
  await goOn.click()
  await cashier.payButton.click()
  await expect(result.paid).toBeVisible()
  expect(await school.orders(learner)).toHaveLength(1)
})

test('a course is bought by the keyboard alone', async ({ page, course, settlement, cashier, result }) => {
  await course.open(SHEETS)
  await expect(course.heading).toContainText(SHEETS.name)
  const pressUntil = async (reached: () => Promise<boolean>) => {
    for (let steps = 0; steps < 60; steps += 1) {
      if (await reached()) return
      await page.keyboard.press('Tab')
    }
    throw new Error('the keyboard does not get there')
  }
  const isFocused = (name: RegExp) => () =>
    page.evaluate((source) => new RegExp(source).test(document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.closest('label')?.textContent ?? document.activeElement?.textContent ?? ''), name.source)
  await pressUntil(isFocused(/^\s*(2周|2个月|永久)/))
  while (!(await course.validity(SHEETS.validity).isChecked())) await page.keyboard.press('ArrowRight')
  await pressUntil(isFocused(/^\s*立即购买\s*$/))
  await page.keyboard.press('Enter')
  await expect(settlement.payButton).toHaveText('支付 ¥49.90')
  await pressUntil(isFocused(/^\s*支付 ¥49\.90\s*$/))
  await page.keyboard.press('Enter')
  await expect(cashier.payButton).toBeVisible()
  await pressUntil(isFocused(/^\s*确认付款\s*$/))
  await page.keyboard.press('Enter')
  await expect(result.paid).toBeVisible()
})
