// Every page in the states that a day brings: still loading, the shop out of reach, signed out, nothing there, refused; and
// what opens over a page. Axe finds nothing in any. `make audit` runs these, `make test` one state of each page.
import type { Locator, Page } from '@playwright/test'

import { ORDER_FILTERS } from '../src/lib/orders'
import { address } from './support/addresses'
import { newAddress, newNumber } from './support/contacts'
import { NEWCOMER_COUPON, PYTHON, PYTHON_COUPON, SHEETS, SQL } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'
import type { Learner, School } from './support/school'

const ITEM = `item=course-${SQL.course_id}-${SQL.price_policy_id}`
const NO_ORDER = '20261128000000000ABCDEFGHIJ'
const PUBLIC = ['/', '/courses', `/course/${PYTHON.course_id}`, `/learn/${PYTHON.course_id}`, '/teachers', '/teachers/900001', '/coupons', '/unsubscribe?token=none']
const PRIVATE = ['/cart', `/settlement?${ITEM}`, `/payment/result?order_num=${NO_ORDER}`, `/payment/wechat?order_num=${NO_ORDER}`, '/orders', `/orders/${NO_ORDER}`, '/my/courses', '/my/study', '/my/coupons', '/my/beli', '/my/messages', '/my/notices', '/my/account']

const main = (page: Page) => page.getByRole('main')
const says = (text: string | RegExp) => (page: Page) => main(page).getByText(text)
const button = (name: string | RegExp) => (page: Page) => main(page).getByRole('button', { name })

interface State {
  name: string
  /** What has happened before; -> the path to open. */
  before: string | ((school: School, learner: Learner) => Promise<string>)
  /** What is pressed one after the other. */
  press?: ((page: Page) => Locator)[]
  /** What shows that the state is there. */
  shows: (page: Page) => Locator
}

const paid = (school: School, learner: Learner) => school.own(learner, [PYTHON, SQL])
async function givenBack(school: School, learner: Learner): Promise<string> {
  const number = await paid(school, learner)
  await school.ask('POST', `/order/${number}/refund`, { learner, data: { lines: [0], reason: '买错了课程或有效期' } })
  return number
}
const dialog = (name: string) => (page: Page) => page.getByRole('dialog', { name })

const REFUSED: State[] = [
  { name: 'a course that does not exist', before: '/course/999999', shows: says('没有找到这门课程') },
  { name: 'the lessons of a course that does not exist', before: '/learn/999999', shows: says('没有找到这门课程') },
  { name: 'a teacher who does not exist', before: '/teachers/999999', shows: says('没有找到这位教师') },
  { name: 'an order of nobody', before: `/orders/${NO_ORDER}`, shows: says('订单不存在') },
  { name: 'the result of nobody’s order', before: `/payment/result?order_num=${NO_ORDER}`, shows: says('没有查到这笔订单') },
  { name: 'paying nothing by WeChat', before: '/payment/wechat', shows: says('没有收到订单号') },
  { name: 'a settlement of nothing', before: '/settlement', shows: says('还没有要结算的课程') },
  { name: 'a settlement of what is not sold', before: '/settlement?item=course-900009-1', shows: (page) => main(page).getByRole('alert') },
  { name: 'a page of courses that does not exist', before: '/courses?page=99', shows: says('没有这一页') },
  {
    name: 'an application for a refund without anything',
    before: async (school, learner) => `/orders/${await paid(school, learner)}`,
    press: [button('申请退费'), (page) => dialog('申请退费')(page).getByRole('button', { name: '提交退费申请' })],
    shows: (page) => page.getByText('请选择要退费的课程'),
  },
  { name: 'a mail’s link that is none', before: '/unsubscribe?token=none', shows: (page) => main(page).getByRole('link', { name: '消息设置' }) },
  { name: 'a number that is none', before: '/my/account', press: [button('添加手机号'), button('确认')], shows: (page) => main(page).getByText('请填写手机号') },
  {
    name: 'a number that is not removed without the password',
    before: async (school, learner) => (await school.confirm(learner, 'sms', newNumber()), '/my/account'),
    press: [button('移除手机号'), (page) => dialog('移除手机号吗？')(page).getByRole('button', { name: '确认移除' })],
    shows: (page) => page.getByText('请填写密码'),
  },
  { name: 'a forgotten password without anything', before: '/password/forgotten', press: [button('重设密码')], shows: (page) => main(page).getByText('请填写验证码') },
  { name: 'a password that is none', before: '/my/account', press: [button('修改密码')], shows: (page) => main(page).locator('[aria-invalid="true"]') },
]

const FULL: State[] = [
  {
    name: 'an assignment that was handed in, and a question that waits',
    before: async (school, learner) => {
      await school.own(learner, [PYTHON])
      await school.ask('PUT', `/course/${PYTHON.course_id}/sections/900004/assignment`, { learner, data: { text: 'print(1)' } })
      await school.ask('POST', `/course/${PYTHON.course_id}/asked`, { learner, data: { text: '为什么？', section_id: 900004 } })
      return `/learn/${PYTHON.course_id}/900004`
    },
    press: [(page) => page.getByRole('region', { name: '提问' }).getByText('提问', { exact: true })],
    shows: says('等待老师回复'),
  },
  { name: 'a course that is coming', before: '/course/900009', shows: says(/即将开课，开售前/) },
  { name: 'a course in the cart, with its notice', before: `/course/${SQL.course_id}`, press: [(page) => button('加入购物车')(page).filter({ visible: true })], shows: (page) => page.getByRole('region', { name: '提示' }).getByRole('listitem') },
  { name: 'a course with an order that waits', before: async (school, learner) => (await school.order(learner, [SQL]), `/course/${SQL.course_id}`), shows: says('您有一笔包含这门课程的订单还没有支付') },
  { name: 'a course that one has', before: async (school, learner) => (await paid(school, learner), `/course/${SQL.course_id}`), shows: says(/^您已拥有这门课程/) },
  { name: 'a course that is paused', before: async (school, learner) => (await givenBack(school, learner), `/course/${PYTHON.course_id}`), shows: says(/期间暂停学习/) },
  { name: 'the lessons of a course that one has', before: async (school, learner) => (await paid(school, learner), `/learn/${SQL.course_id}`), shows: (page) => main(page).getByRole('navigation', { name: '前后小节' }) },
  { name: 'courses, one of them paused', before: async (school, learner) => (await givenBack(school, learner), '/my/courses'), shows: says('退费审核中，暂停学习') },
  {
    name: 'a cart with a course that one has, and without one that was removed',
    before: async (school, learner) => {
      await paid(school, learner)
      for (const one of [SQL, SHEETS]) await school.putIntoCart(learner, one)
      return '/cart'
    },
    press: [button(`移除《${SHEETS.name}》`)],
    shows: says(/^已移除/),
  },
  {
    name: 'a settlement with coupons of all kinds',
    before: async (school, learner) => {
      for (const coupon of [PYTHON_COUPON.id, NEWCOMER_COUPON.id, 900002, 900012]) await school.claim(learner, coupon)
      await school.grantBeli(learner, 30)
      return `/settlement?item=course-${PYTHON.course_id}-${PYTHON.price_policy_id}`
    },
    press: [says(/^课程优惠券：/), says(/张暂不可用$/)],
    shows: (page) => main(page).getByRole('group', { name: `《${PYTHON.name}》的优惠券` }),
  },
  { name: 'a settlement like an order that waits', before: async (school, learner) => (await school.order(learner, [SQL]), `/settlement?${ITEM}`), shows: says(/您有一笔相同课程的订单/) },
  { name: 'coupons that one has', before: async (school, learner) => (await school.claim(learner, PYTHON_COUPON.id), '/my/coupons'), shows: (page) => main(page).getByRole('heading', { name: PYTHON_COUPON.name }) },
  { name: 'an offer that was claimed', before: async (school, learner) => (await school.claim(learner, PYTHON_COUPON.id), '/coupons'), shows: (page) => main(page).getByRole('link', { name: `去使用 ${PYTHON_COUPON.name}` }) },
  {
    name: 'orders of several states',
    before: async (school, learner) => {
      await givenBack(school, learner)
      const cancelled = await school.order(learner, [SHEETS])
      await school.ask('POST', `/order/${cancelled}/cancel`, { learner })
      await school.order(learner, [SHEETS])
      return '/orders'
    },
    shows: says('主动取消'),
  },
  { name: 'an order that waits', before: async (school, learner) => `/orders/${await school.order(learner, [SQL])}`, shows: button('继续支付') },
  { name: 'an order of which a part is to be given back', before: async (school, learner) => `/orders/${await givenBack(school, learner)}`, shows: button('撤回申请') },
  { name: 'beli with an entry', before: async (school, learner) => (await school.grantBeli(learner, 300), '/my/beli'), shows: says(/for a test|300/) },
  { name: 'messages, one of them new', before: async (school, learner) => (await paid(school, learner), '/my/messages'), shows: (page) => main(page).getByRole('article') },
  { name: 'a number and an address that are confirmed', before: async (school, learner) => (await school.confirm(learner, 'sms', newNumber()), await school.confirm(learner, 'mail', newAddress()), '/my/account'), shows: says('已确认') },
  { name: 'the question whether an order is to be cancelled', before: async (school, learner) => `/orders/${await school.order(learner, [SQL])}`, press: [button('取消订单')], shows: dialog('取消这笔订单吗？') },
  { name: 'the question whether an application is to be withdrawn', before: async (school, learner) => `/orders/${await givenBack(school, learner)}`, press: [button('撤回申请')], shows: dialog('撤回退费申请吗？') },
  {
    name: 'an application for a refund that was sent',
    before: async (school, learner) => `/orders/${await paid(school, learner)}`,
    press: [
      button('申请退费'),
      (page) => dialog('申请退费')(page).getByRole('checkbox', { name: new RegExp(SQL.name) }),
      (page) => dialog('申请退费')(page).getByRole('radio').first(),
      (page) => dialog('申请退费')(page).getByRole('button', { name: '提交退费申请' }),
    ],
    shows: (page) => page.getByRole('heading', { name: '退费申请已提交' }),
  },
  { name: 'the learner’s menu', before: '/', press: [(page) => page.locator('button[aria-controls="account-menu"]')], shows: (page) => page.getByRole('banner').getByRole('navigation', { name: '我的' }) },
  { name: 'filters that find nothing', before: '/courses?level=初级&free=1&words=没有这样的课程', shows: says('没有找到合适的课程') },
]

/** Nothing is being read any more, and what opens is open. */
async function expectSettled(page: Page): Promise<void> {
  await expect(page.locator('[aria-busy="true"]')).toHaveCount(0)
  for (const open of await page.getByRole('dialog').filter({ visible: true }).all()) await expect(open).toHaveCSS('opacity', '1')
}

test.describe('@audit', () => {
  for (const path of [...PUBLIC, ...PRIVATE]) {
    test(`${path} while it loads`, async ({ page }) => {
      // No answer of the API comes until the page is closed.
      await page.route('**/shop-api/**', () => {})
      await page.goto(path)
      await expect(page.locator('[aria-busy="true"], [role="status"]').first()).toBeAttached()
      await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1)
      await expectAccessible(page)
    })
  }

  for (const path of PRIVATE) {
    test(`${path} of a learner who has nothing`, async ({ page }) => {
      await page.goto(path)
      await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1)
      await expectSettled(page)
      await expectAccessible(page)
    })
  }

  for (const { key, text } of ORDER_FILTERS.filter((one) => one.status)) {
    test(`no order is ${text}`, async ({ page }) => {
      await page.goto(`/orders?status=${key}`)
      await expect(main(page).getByText(`没有「${text}」的订单`)).toBeVisible()
      await expectAccessible(page)
    })
  }

  for (const { name, before, press = [], shows } of [...REFUSED, ...FULL]) {
    test(name, async ({ page, school, learner }) => {
      await page.goto(typeof before === 'string' ? before : await before(school, learner))
      for (const what of press) await what(page).first().click()
      await expect(shows(page).first()).toBeVisible()
      await expectSettled(page)
      await expectAccessible(page)
    })
  }

  // The line stays broken: no other test of the audit needs it, and all workers have the same.
  for (const path of [...PUBLIC, ...PRIVATE]) {
    test(`${path} while the shop is out of reach`, async ({ page, school }) => {
      await school.apiGoes('down')
      await page.goto(`${address('FAULTY_SHOP_URL')}${path}`)
      await expect(button(/重试|再/)(page).first()).toBeVisible()
      await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1)
      await expectAccessible(page)
    })
  }
})

test.describe('@audit a phone', () => {
  test('has the filters in a drawer', async ({ page, isMobile }) => {
    test.skip(!isMobile, 'a wide screen has them beside the courses')
    await page.goto('/courses')
    await button('筛选')(page).click()
    await expect(dialog('筛选')(page)).toBeVisible()
    await expectSettled(page)
    await expectAccessible(page)
  })
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
    await expect(main(page)).toContainText('密码错误')
    await expectAccessible(page)
    await page.goto('/register')
    await entry.name.fill(learner.username)
    await entry.password.fill('1')
    await entry.registerButton.click()
    await expect(entry.password).toHaveAttribute('aria-invalid', 'true')
    await expectAccessible(page)
  })

  test('sees the slider', async ({ page, entry, learner }) => {
    await page.goto('/sign-in')
    await entry.signIn(learner.username, learner.password)
    await expect(entry.slider.getByRole('slider')).toBeFocused()
    await expectAccessible(page)
  })
})
