// Paying by WeChat: with a code on a computer, from a phone's browser, and within WeChat; and changing one's mind.
import { address } from './support/addresses'
import { PYTHON, SQL } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'
import { WechatCashier } from './pages/wechat'

const PHONE = 'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36'
const WECHAT = `${PHONE} MicroMessenger/8.0.50(0x28003253) NetType/WIFI Language/zh_CN`

test('a code is scanned and paid, and the page that showed it knows @both', async ({ page, context, settlement, wechat, result, orders, school, learner }) => {
  await settlement.open(SQL)
  await settlement.provider('微信支付').check()
  await expectAccessible(page)
  await settlement.payButton.click()
  await expect(wechat.code).toBeVisible()
  await expect(page.getByRole('main')).toContainText(SQL.name)
  await expect(page.getByRole('main')).toContainText('¥99.00')
  await expectAccessible(page)

  const text = await wechat.scanned()
  expect(text).toMatch(/^weixin:\/\//)
  await page.reload()
  await expect(wechat.code).toBeVisible()
  expect(await wechat.scanned()).toBe(text)

  const phone = await context.newPage()
  await phone.goto(`${address('WECHAT_URL')}/scan?code=${encodeURIComponent(text)}`)
  await new WechatCashier(phone).payButton.click()
  await expect(result.paid).toBeVisible()
  await phone.close()

  const number = (await school.orders(learner))[0]!.order_number
  await orders.open(number)
  await expect(page.getByRole('main')).toContainText('支付方式微信')
  expect((await school.atWechat(number)).map((trade) => [trade.trade_type, trade.state, trade.amount])).toEqual([['NATIVE', 'SUCCESS', 9900]])
})

test('who changes from WeChat to Alipay and back is charged once', async ({ page, settlement, wechat, cashier, result, orders, school, learner }) => {
  await settlement.open(SQL)
  await settlement.provider('微信支付').check()
  await settlement.payButton.click()
  await expect(wechat.code).toBeVisible()
  const number = (await school.orders(learner))[0]!.order_number
  const first = await wechat.scanned()

  await wechat.toAlipay.click()
  await expect(cashier.payButton).toBeVisible()
  await orders.open(number)
  await page.getByRole('button', { name: '改用微信支付' }).click()
  await expect(wechat.code).toBeVisible()
  const second = await wechat.scanned()
  expect(second).not.toBe(first)

  const cashierOf = (text: string) => page.goto(`${address('WECHAT_URL')}/scan?code=${encodeURIComponent(text)}`)
  await cashierOf(first)
  await expect(page.getByRole('button', { name: '立即支付' })).toHaveCount(0)
  await expect(page.getByRole('status')).toContainText('已关闭')
  await cashierOf(second)
  await new WechatCashier(page).payButton.click()
  await expect(page.getByRole('status')).toContainText('支付成功')

  await page.goto(`/payment/result?order_num=${number}`)
  await expect(result.paid).toBeVisible()
  const { status, history, payment_code } = await school.orderOf(learner, number)
  expect([status, payment_code]).toEqual(['交易成功', 'wechat'])
  expect(history.filter(({ text }) => text.includes('支付方式'))).toHaveLength(2)
  expect((await school.atWechat(number)).map((trade) => trade.state).sort()).toEqual(['CLOSED', 'SUCCESS'])
  expect(await school.stateAtAlipay(number)).toBeNull() // nobody logged in there to pay
})

test('an order that is cancelled, or paid by Alipay, elsewhere takes the code away', async ({ page, wechat, school, learner }) => {
  const number = await school.order(learner, [SQL], 'wechat')
  await wechat.open(number)
  await expect(wechat.code).toBeVisible()
  await school.ask('POST', `/order/${number}/provider`, { learner, data: { payment_type: 'alipay' } })
  await expect(page.getByRole('heading', { name: '这笔订单现在用支付宝支付' })).toBeVisible()
  await expect(wechat.code).toHaveCount(0)
  await expectAccessible(page)
  await page.getByRole('button', { name: '改用微信支付' }).click()
  await expect(wechat.code).toBeVisible()
  await school.ask('POST', `/order/${number}/cancel`, { learner })
  await expect(page.getByRole('heading', { name: '订单已关闭' })).toBeVisible()
})

test('while WeChat does not answer another try and Alipay are offered', async ({ page, wechat, cashier, school, learner }) => {
  const number = await school.order(learner, [PYTHON], 'wechat')
  await school.badDayAtWechat('answer_system_error', `${number}N`)
  try {
    await wechat.open(number)
    await expect(wechat.trouble).toBeVisible()
    await expectAccessible(page)
  } finally {
    await school.badDayAtWechat('answer_system_error', `${number}N`, false)
  }
  await wechat.againButton.click()
  await expect(wechat.code).toBeVisible()
  await wechat.toAlipay.click()
  await expect(cashier.payButton).toBeVisible()
})

test('who is signed out half-way signs in and goes on', async ({ wechat, entry, school, learner }) => {
  const number = await school.order(learner, [SQL], 'wechat')
  await wechat.open(number)
  await expect(wechat.code).toBeVisible()
  await school.endSessions(learner)
  await expect(entry.signInHeading).toBeVisible()
  await entry.withSlider(() => entry.signIn(learner.username, learner.password))
  await expect(wechat.code).toBeVisible()
})

test.describe('a phone’s browser', () => {
  test.use({ userAgent: PHONE })

  test('opens WeChat by itself, and asks who comes back @phone', async ({ page, settlement, wechat, result }) => {
    const cashier = new WechatCashier(page)
    await settlement.open(SQL)
    await settlement.provider('微信支付').check()
    await settlement.payButton.click()
    await expect(cashier.payButton).toBeVisible()
    await cashier.back.click()
    await expect(wechat.question).toBeVisible()
    await expectAccessible(page)
    await page.reload()
    await expect(wechat.question).toBeVisible()
    await wechat.againButton.click()
    await expect(cashier.payButton).toBeVisible()
    await page.goBack()
    await expect(wechat.question).toBeVisible()
    await wechat.againButton.click()
    await cashier.payButton.click()
    await expect(result.paid).toBeVisible()
  })
})

test.describe('WeChat’s own browser', () => {
  test.use({ userAgent: WECHAT })

  test('pays in place, and asks who cancels @both', async ({ page, settlement, wechat, result, school, learner }) => {
    await settlement.open(SQL)
    await expect(settlement.provider('微信支付')).toBeChecked()
    page.once('dialog', (dialog) => void dialog.dismiss())
    await settlement.payButton.click()
    await expect(wechat.question).toBeVisible()
    await expect(page.getByRole('main')).toContainText('您在微信里取消了付款')
    expect([...new URL(page.url()).searchParams.keys()]).toEqual(['order_num'])
    await expectAccessible(page)
    page.once('dialog', (dialog) => void dialog.accept())
    await wechat.againButton.click()
    await expect(result.paid).toBeVisible()
    const number = (await school.orders(learner))[0]!.order_number
    expect((await school.atWechat(number)).map((trade) => [trade.trade_type, trade.state])).toEqual([['JSAPI', 'SUCCESS']])
  })
})
