import { expect, type Page } from '@playwright/test'

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

  /** The menu closes when the focus goes elsewhere, as it does when a dialog that has just ended gives it back. */
  private async inMenu(choose: () => Promise<void>) {
    await expect(async () => {
      if ((await this.mine.getAttribute('aria-expanded')) === 'false') await this.mine.click()
      await choose()
    }).toPass()
  }

  async goTo(place: '我的课程' | '我的订单' | '我的优惠券' | '我的贝里' | '我的消息' | '账号设置') {
    const link = this.page.getByRole('navigation', { name: '我的' }).getByRole('link', { name: place }).first()
    await this.inMenu(() => link.click({ timeout: 2_000 }))
  }

  async signOut() {
    const button = this.page.getByRole('button', { name: '退出登录' }).first()
    await this.inMenu(() => button.click({ timeout: 2_000 }))
  }
}
