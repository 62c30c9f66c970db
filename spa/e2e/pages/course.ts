import type { Page } from '@playwright/test'

/** A course's page. */
export class CoursePage {
  constructor(private readonly page: Page) {}

  async open(course: { course_id: number }) {
    await this.page.goto(`/course/${course.course_id}`)
  }

  get heading() {
    return this.page.getByRole('heading', { level: 1 })
  }
  validity(name: string) {
    return this.page.getByRole('radio', { name: new RegExp(`^${name}`) })
  }
  /** The tiles' radios are small and hidden behind what is seen. */
  async choose(name: string) {
    await this.page.locator('label').filter({ has: this.validity(name) }).click()
  }
  get addButton() {
    return this.page.getByRole('button', { name: '加入购物车' }).filter({ visible: true })
  }
  /** What the button has become when the course is in the cart. */
  get inCart() {
    return this.page.getByRole('main').getByRole('link', { name: /^去购物车/ }).filter({ visible: true })
  }
  get buyButton() {
    return this.page.getByRole('button', { name: '立即购买' }).filter({ visible: true })
  }
}
