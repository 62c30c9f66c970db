import type { Page } from '@playwright/test'

/** Alipay's cashier: the simulator's. */
export class CashierPage {
  constructor(private readonly page: Page) {}

  get payButton() {
    return this.page.getByRole('button', { name: '确认付款' })
  }
  get closeButton() {
    return this.page.getByRole('button', { name: '关闭交易' })
  }
  get back() {
    return this.page.getByRole('link', { name: '返回商户' })
  }
}
