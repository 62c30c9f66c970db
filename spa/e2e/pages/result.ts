import type { Page } from '@playwright/test'

/** Where one comes from the cashier. */
export class ResultPage {
  constructor(private readonly page: Page) {}

  get heading() {
    return this.page.getByRole('heading', { level: 1 })
  }
  get paid() {
    return this.page.getByRole('heading', { level: 1, name: '支付成功' })
  }
}
