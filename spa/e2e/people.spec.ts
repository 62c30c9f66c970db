// Registering, signing in and out, the account.
import { randomUUID } from 'node:crypto'

import { address } from './support/addresses'
import { NEWCOMER_COUPON, SQL } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'

test.describe('a visitor', () => {
  test.use({ visitor: true })

  test('registers with the slider, and comes back to where they were @both', async ({ page, entry, head }) => {
    await page.goto('/orders')
    await expect(entry.signInHeading).toBeVisible()
    await expectAccessible(page)
    await page.getByRole('link', { name: '免费注册' }).click()
    await expect(page.getByRole('heading', { level: 1, name: '注册' })).toBeVisible()

    const username = `新学员${randomUUID().slice(0, 8)}`
    await entry.register(username, username)
    await expect(page.getByText('密码需要：不包含用户名')).toBeVisible()
    await expect(entry.password).toBeFocused()
    await expectAccessible(page)
    await entry.withSlider(() => entry.register(username, 'learn-every-day-8'))

    await expect(page).toHaveURL('/orders')
    await expect(head.isSignedIn).toBeVisible()
    await page.goBack()
    await expect(page).not.toHaveURL(/sign-in|register/)
  })

  test('registers to claim a coupon, and claims it', async ({ page, entry, head }) => {
    const claim = page.getByRole('button', { name: `领取 ${NEWCOMER_COUPON.name}` })
    await page.goto('/coupons')
    await claim.click()
    await expect(entry.signInHeading).toBeVisible()
    await page.getByRole('link', { name: '免费注册' }).click()
    await expect(entry.registerButton).toBeVisible()
    await entry.withSlider(() => entry.register(`新学员${randomUUID().slice(0, 8)}`, 'learn-every-day-8'))
    await expect(page).toHaveURL('/coupons')
    await expect(head.isSignedIn).toBeVisible()
    await entry.withSlider(() => claim.click())
    await expect(page.getByRole('main').getByRole('link', { name: `去使用 ${NEWCOMER_COUPON.name}` })).toBeVisible()
    await head.goTo('我的优惠券')
    await expect(page.getByRole('main').getByRole('heading', { name: NEWCOMER_COUPON.name })).toBeVisible()
  })

  test('is told what is wrong beside the field, and slides once', async ({ page, entry, head, learner }) => {
    await page.goto('/sign-in')
    await entry.signInButton.click()
    await expect(entry.name).toBeFocused()
    await expect(entry.name).toHaveAccessibleDescription('请填写用户名')
    await entry.withSlider(() => entry.signIn(learner.username, 'not the password'))
    await expect(entry.password).toHaveAccessibleDescription('密码错误')
    await expect(entry.password).toBeFocused()
    await entry.signIn(learner.username, learner.password)
    await expect(head.isSignedIn).toBeVisible()
    await expect(page).toHaveURL('/')
  })

  test('closes the slider, and nothing is said', async ({ page, entry, learner }) => {
    await page.goto('/sign-in')
    await entry.signIn(learner.username, learner.password)
    await expect(entry.slider.getByRole('slider')).toBeFocused()
    await page.keyboard.press('Escape')
    await expect(entry.slider).toBeHidden()
    await expect(entry.signInButton).toBeFocused()
    await expect(page.locator('.general')).toBeHidden()
  })

  test("signs in with version 4's slider", async ({ page, entry, head, learner }) => {
    await page.goto(`${address('V4_SHOP_URL')}/sign-in`)
    await entry.withSlider(() => entry.signIn(learner.username, learner.password))
    await expect(head.isSignedIn).toBeVisible()
  })
})

test('a session that ended leads to signing in, and back', async ({ page, cart, entry, head, school, learner }) => {
  await school.putIntoCart(learner, SQL)
  await cart.open()
  await expect(cart.line(SQL.name)).toBeVisible()
  await school.endSessions(learner)
  await page.reload()
  await expect(entry.signInHeading).toBeVisible()
  await entry.withSlider(() => entry.signIn(learner.username, learner.password))
  await expect(page).toHaveURL('/cart')
  await expect(cart.line(SQL.name)).toBeVisible()
  await expect(head.cartWith(1)).toBeVisible()
})

test('a session that ends before paying leads back to the same settlement', async ({ settlement, cashier, entry, school, learner }) => {
  await settlement.open(SQL)
  await expect(settlement.payButton).toHaveText('支付 ¥99.00')
  await school.endSessions(learner)
  await settlement.payButton.click()
  await expect(entry.signInHeading).toBeVisible()
  await entry.withSlider(() => entry.signIn(learner.username, learner.password))
  await expect(settlement.payButton).toHaveText('支付 ¥99.00')
  await settlement.payButton.click()
  await expect(cashier.payButton).toBeVisible()
})

test('name, picture, password and devices @both', async ({ page, head, school, learner }) => {
  await page.goto('/my/account')
  await page.getByLabel('显示的名字').fill('小李老师')
  await page.getByText('荷', { exact: true }).click()
  await page.getByRole('button', { name: '保存资料' }).click()
  await expect(head.isSignedIn.locator('img')).toHaveAttribute('src', /heads\/lotus\.svg$/)

  await page.getByLabel('原密码', { exact: true }).fill('not the password')
  await page.getByLabel('新密码', { exact: true }).fill('teach-every-day-9')
  await page.getByRole('button', { name: '修改密码' }).click()
  await expect(page.getByLabel('原密码', { exact: true })).toHaveAccessibleDescription('原密码错误')

  const elsewhere = { username: learner.username, password: learner.password, ...(await school.solvedCaptcha()) }
  await school.ask('POST', '/login', { data: elsewhere })
  await page.reload()
  const devices = page.getByRole('region', { name: '登录设备' }).getByRole('listitem')
  await expect(devices).toHaveCount(2)
  await expectAccessible(page)
  await page.getByRole('button', { name: '退出其他所有设备' }).click()
  await expect(devices).toHaveCount(1)
  await devices.getByRole('button', { name: '退出登录' }).click()
  await expect(page).toHaveURL('/')
  await expect(head.signIn).toBeVisible()
})

test('one signs out with a session that is over too', async ({ page, head, school, learner }) => {
  // A request still under way would be told first that the session is over, and lead to signing in.
  const answers = ['/userinfo', '/messages/unread'].map((path) => page.waitForResponse((answer) => new URL(answer.url()).pathname.includes(path)))
  await page.goto('/')
  await Promise.all(answers)
  await expect(head.isSignedIn).toBeVisible()
  await school.endSessions(learner)
  await head.signOut()
  await expect(head.signIn).toBeVisible()
  await page.reload()
  await expect(head.signIn).toBeVisible()
})
