import type { Page } from '@playwright/test'

import type { Choice } from '../support/school'

/** Where coupons and 贝里 are chosen, and the order is placed. */
export class SettlementPage {
  constructor(private readonly page: Page) {}

  async open(...choices: Choice[]) {
    const items = choices.map((one) => `item=${one.course_type}-${one.course_id}-${one.price_policy_id}`)
    await this.page.goto(`/settlement?${items.join('&')}`)
  }
  get heading() {
    return this.page.getByRole('heading', { level: 1, name: '结算' })
  }
  get amounts() {
    return this.page.getByRole('complementary', { name: '应付金额' })
  }
  row(name: string | RegExp) {
    return this.amounts.locator('dl > div').filter({ has: this.page.locator('dt', { hasText: name }) }).locator('dd')
  }
  get beli() {
    return this.page.getByRole('checkbox', { name: /使用贝里/ })
  }
  /** What folds out the coupons of the only course that has some. */
  get courseCoupons() {
    return this.page.getByText(/^课程优惠券：/)
  }
  couponsFor(course: string) {
    return this.page.getByRole('group', { name: `《${course}》的优惠券` })
  }
  provider(name: string) {
    return this.page.getByRole('group', { name: '支付方式' }).getByRole('radio', { name })
  }
  get payButton() {
    return this.page.getByRole('button', { name: /^(支付|确认领取)/ }).filter({ visible: true }).last()
  }
  /** That it is not known whether there is an order. */
  get unanswered() {
    return this.page.getByRole('alert').filter({ hasText: '订单可能已经生成' })
  }
  get againButton() {
    return this.page.getByRole('button', { name: '再试一次' })
  }
  /** What the shop said of a choice that no longer holds. */
  get notice() {
    return this.page.getByRole('main').getByRole('alert')
  }
}
