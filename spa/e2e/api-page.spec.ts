// The API's page, which `make run` serves: its walk, from registering to an order, for whom the shop front knows too.
import { expect, test } from './support/fixtures'
import { slideTo } from './support/slider'

test.use({ visitor: true })

test('the walk leads from registering to an order, and the shop front knows who it was', async ({ page, school }) => {
  test.slow() // nine requests and two sliders
  const found: string[] = []
  page.on('pageerror', (error) => found.push(error.message))
  await page.goto('/api/')
  const step = (number: number) => page.locator('#steps > li').nth(number - 1)
  const sendButton = (number: number) => step(number).getByRole('button', { name: `发送第 ${number} 步` })
  const send = async (number: number) => {
    await sendButton(number).click()
    await expect(step(number).locator('.says.good')).toBeVisible()
  }
  const slide = async (number: number) => {
    await step(number).getByRole('button', { name: '完成滑动验证' }).click()
    const loaded = page.waitForResponse((response) => /\/get\.php\?/.test(response.url()))
    await step(number).getByRole('button', { name: '点击按钮进行验证' }).click()
    const { challenge } = await (await loaded).json()
    await expect(step(number).getByText('拖动滑块')).toBeVisible()
    const handle = step(number).getByRole('slider')
    await handle.focus()
    await slideTo(handle, await school.gapOf(challenge))
    await expect(step(number).getByText('滑动验证已完成')).toBeVisible()
  }

  await slide(1)
  await send(1)
  await expect(page.getByRole('button', { name: /^learner-/ })).toBeVisible()
  await expect(sendButton(2)).toBeFocused()
  for (const number of [2, 3, 4]) await send(number)
  await slide(5)
  for (const number of [5, 6, 7]) await send(number)
  await expect(step(7).getByRole('link', { name: '打开支付页面' })).toHaveAttribute('href', /trade\.page\.pay/)
  await send(8)
  await expect(step(8).getByText(/待支付：应付 ¥/)).toBeVisible()

  await page.goto('/orders')
  await expect(page.getByRole('main').getByText('待支付').first()).toBeVisible()
  expect(found).toEqual([])
})
