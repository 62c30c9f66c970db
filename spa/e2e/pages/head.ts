import type { Page } from '@playwright/test'

/** The head of each page. */
export class HeadOfPage {
  constructor(private readonly page: Page) {}

  get cart() {
    return this.page.getByRole('banner').getByRole('link', { name: /^购物车/ })
  }
  get cartWith() {
    return (courses: number) => this.page.getByRole('banner').getByRole('link', { name: `购物车，${courses}门课程` })
  }
  /** What the head says of new messages: the bell, on a phone the learner's menu. */
  newMessages(count: number) {
    return this.page.getByRole('banner').getByRole('link', { name: `消息，${count}条未读` }).or(this.page.getByRole('banner').getByRole('button', { name: `${count} 条未读消息` })).filter({ visible: true }).first()
  }
  get signIn() {
    return this.page.getByRole('banner').getByRole('link', { name: '登录' })
  }

  private get mine() {
    return this.page.getByRole('banner').locator('button[aria-controls="account-menu"]')
  }
  get isSignedIn() {
    return this.mine
  }

  async openMenu() {
    await this.mine.click()
  }

  async goTo(place: '我的课程' | '我的订单' | '我的优惠券' | '我的贝里' | '我的消息' | '账号设置') {
    await this.openMenu()
    await this.page.getByRole('navigation', { name: '我的' }).getByRole('link', { name: place }).first().click()
  }

  async signOut() {
    await this.openMenu()
    await this.page.getByRole('button', { name: '退出登录' }).first().click()
  }
}
