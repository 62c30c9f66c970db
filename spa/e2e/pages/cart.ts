import type { Page } from '@playwright/test'

/** The cart. */
export class CartPage {
  constructor(private readonly page: Page) {}

  async open() {
    await this.page.goto('/cart')
  }
  get lines() {
    return this.page.getByRole('main').getByRole('article')
  }
  line(name: string) {
    return this.lines.filter({ has: this.page.getByRole('heading', { name }) })
  }
  validityOf(name: string) {
    return this.page.getByRole('combobox', { name: `《${name}》的有效期` })
  }
  tick(name: string) {
    return this.page.getByRole('checkbox', { name: `购买《${name}》` })
  }
  async remove(name: string) {
    await this.page.getByRole('button', { name: `移除《${name}》` }).click()
  }
  get total() {
    return this.page.locator('.total').filter({ visible: true }).last().locator('.money')
  }
  get settle() {
    return this.page.getByRole('link', { name: /^去结算/ }).filter({ visible: true }).last()
  }
}
