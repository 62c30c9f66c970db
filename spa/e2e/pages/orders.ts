import type { Page } from '@playwright/test'

/** 我的订单, and one of them. */
export class OrdersPage {
  constructor(private readonly page: Page) {}

  async open(number?: string) {
    await this.page.goto(number ? `/orders/${number}` : '/orders')
  }
  get all() {
    return this.page.getByRole('main').getByRole('article')
  }
  /** The one whose number this is. */
  one(number: string) {
    return this.all.filter({ hasText: number })
  }
  get refundButton() {
    return this.page.getByRole('button', { name: '申请退费' })
  }
  get state() {
    return this.page.getByRole('region', { name: '订单状态' })
  }
}
