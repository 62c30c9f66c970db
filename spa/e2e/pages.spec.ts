// One state of each page that no journey visits: nothing that axe finds, and nothing wider than the screen.
import type { Page } from '@playwright/test'

import { PYTHON, PYTHON_YEAR, SQL } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'

/** Open a page, and look at it when it shows this. */
async function look(page: Page, path: string, heading: string | RegExp, shown?: (page: Page) => ReturnType<Page['locator']>): Promise<void> {
  await test.step(path, async () => {
    await page.goto(path)
    await expect(page.getByRole('heading', { level: 1, name: heading })).toHaveCount(1)
    if (shown) await expect(shown(page).first()).toBeVisible()
    await expect(page.locator('[aria-busy="true"]')).toHaveCount(0)
    await expectAccessible(page)
  })
}
const courses = (page: Page) => page.getByRole('main').getByRole('link', { name: PYTHON.name })

test.describe('a visitor', () => {
  test.use({ visitor: true })

  test('looks at courses and teachers @both', async ({ page }) => {
    test.slow() // each page is read by axe
    await look(page, '/', /./, courses)
    await look(page, '/courses', '全部课程', courses)
    await look(page, '/courses?words=没有这样的课程', '搜索「没有这样的课程」')
    await look(page, '/teachers', '教师', (at) => at.getByRole('main').getByRole('link', { name: /林知远/ }))
    await page.getByRole('main').getByRole('link', { name: /林知远/ }).first().click()
    await expect(page.getByRole('heading', { level: 1, name: /林知远/ })).toBeVisible()
    await expectAccessible(page)
  })

  test('looks at what else is for everybody @both', async ({ page }) => {
    test.slow()
    await look(page, '/coupons', '领券中心', (at) => at.getByRole('button', { name: /^领取/ }))
    await look(page, '/cart', '购物车')
    await look(page, '/texts/refunds', '购买与退款须知')
    await look(page, '/password/forgotten', '重设密码')
    await look(page, '/no/such/page', '没有这个页面')
  })
})

test('an address leads to the same place of a course’s page as the link to it @both', async ({ page }) => {
  const chapters = page.getByRole('region', { name: '章节' })
  const top = () => chapters.evaluate((part) => Math.round(part.getBoundingClientRect().top))
  const way = page.getByRole('navigation', { name: '本页内容' })
  await page.goto(`/course/${PYTHON.course_id}#chapters`)
  await expect(chapters).toBeInViewport()
  const led = await top()
  await page.evaluate(() => window.scrollTo(0, 0))
  await way.getByRole('link', { name: '章节' }).click()
  await expect.poll(top).toBe(led)
  const { y, height } = (await way.boundingBox())!
  expect(led).toBeGreaterThanOrEqual(y + height)
})

test('choosing a validity leaves the page where it is, whatever part the address names @both', async ({ page, course }) => {
  await page.goto(`/course/${PYTHON.course_id}#questions`)
  await expect(page.getByRole('region', { name: '常见问题' })).toBeInViewport()
  await page.evaluate(() => window.scrollTo(0, 0))
  await course.choose(PYTHON_YEAR.validity)
  await expect(page).toHaveURL(/policy=\d+#questions$/)
  await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))))
  await expect(course.validity(PYTHON_YEAR.validity)).toBeChecked()
  await expect(page.getByRole('group', { name: /^选择有效期/ })).toBeInViewport()
})

test('a learner looks at what is theirs @both', async ({ page, school, learner }) => {
  test.slow()
  await school.grantBeli(learner, 300)
  await school.claim(learner, 900002)
  const number = await school.own(learner, [SQL])
  await look(page, '/my/courses', '我的课程', (at) => at.getByRole('main').getByText(SQL.name))
  await look(page, '/my/study', '学习记录', (at) => at.getByRole('main').getByText('还没有学习记录'))
  await look(page, '/my/coupons', '我的优惠券', (at) => at.getByRole('main').getByText('满 200 减 50'))
  await look(page, '/my/beli', '我的贝里', (at) => at.getByRole('main').getByText('300').first())
  await look(page, '/my/messages', '我的消息', (at) => at.getByRole('main').getByRole('article'))
  await look(page, '/my/notices', '消息设置', (at) => at.getByRole('main').getByRole('checkbox'))
  await look(page, `/orders/${number}`, '订单详情', (at) => at.getByRole('main').getByText(SQL.name))
  await look(page, `/learn/${SQL.course_id}`, /./, (at) => at.getByRole('main').getByRole('link'))
})
