// What learners are told, by each way, and how they choose the ways.
import { newAddress, newNumber } from './support/contacts'
import { SQL } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'

test('a learner confirms a number, buys a course, and is told once by each way @both', async ({ page, entry, head, settlement, cashier, result, messages, orders, school, learner }) => {
  test.slow() // three pages are read by axe
  const [number, address] = [newNumber(), newAddress()]
  await school.confirm(learner, 'mail', address)

  await page.goto('/my/account')
  await page.getByRole('button', { name: '添加手机号' }).click()
  await expect(entry.number).toBeFocused()
  await entry.number.fill(number)
  await entry.withSlider(() => entry.sendButton.click())
  await expect(entry.isSent).toBeVisible()
  await expect(entry.code).toBeFocused()
  await expectAccessible(page)
  await entry.code.fill('000000' === (await school.codeFor(number)) ? '111111' : '000000')
  await page.getByRole('button', { name: '确认', exact: true }).click()
  await expect(entry.code).toHaveAccessibleDescription(/验证码错误/)
  await entry.code.fill(await school.codeFor(number))
  await page.getByRole('button', { name: '确认', exact: true }).click()
  await expect(page.getByRole('listitem', { name: '手机号' })).toContainText('已确认')
  await expect(page.getByRole('listitem', { name: '手机号' })).toContainText(`${number.slice(0, 3)}****${number.slice(-4)}`)

  await settlement.open(SQL)
  await settlement.payButton.click()
  await cashier.payButton.click()
  await expect(result.paid).toBeVisible()
  const order = (await school.orders(learner))[0]!.order_number
  await page.reload()
  await expect(head.newMessages(1)).toBeVisible()

  await school.sendMessages(learner)
  await head.goTo('我的消息')
  const told = messages.one('支付成功，课程已开通')
  await expect(told).toContainText('未读')
  await expect(told).toContainText(SQL.name)
  await expect(told.getByRole('list', { name: '发送情况' }).getByRole('listitem')).toHaveCount(2)
  await expectAccessible(page)
  await told.getByRole('link', { name: /^查看订单/ }).click()
  await expect(orders.state).toBeVisible()
  await expect(messages.ofOrder).toContainText('支付成功，课程已开通')
  await expect(head.newMessages(1)).toBeHidden()
  await expectAccessible(page)

  const aboutCourse = (await school.smsTo(number)).filter((text) => text.includes('SQL'))
  expect(aboutCourse).toHaveLength(1)
  expect((await school.mailsTo(address)).map((mail) => mail.subject)).toEqual([expect.stringContaining('支付成功')])
  expect((await school.ask('GET', `/messages?order_num=${order}`, { learner })).data.messages).toHaveLength(1)
})

test('notices are chosen by group and way, but not those of money @both', async ({ page, messages }) => {
  await page.goto('/my/notices')
  await expect(messages.way('订单与退费', '短信')).toBeDisabled()
  await expect(page.getByRole('group', { name: '订单与退费' })).toContainText('不能关闭')
  await messages.way('到期提醒', '邮件').uncheck()
  await expect(messages.way('到期提醒', '邮件')).toBeEnabled()
  await expectAccessible(page)
  await page.reload()
  await expect(messages.way('到期提醒', '邮件')).not.toBeChecked()
  await expect(messages.way('到期提醒', '短信')).toBeChecked()
})
