import type { Page } from '@playwright/test'

/** What the shop told the learner, and how they want to be told. */
export class MessagesPage {
  constructor(private readonly page: Page) {}

  get all() {
    return this.page.getByRole('main').getByRole('article')
  }
  /** The one of this title. */
  one(title: string) {
    return this.all.filter({ has: this.page.getByRole('heading', { name: title }) })
  }
  /** What an order's page says of its messages. */
  get ofOrder() {
    return this.page.getByRole('region', { name: '通知记录' })
  }
  way(group: string, channel: string) {
    return this.page.getByRole('group', { name: group }).getByRole('checkbox', { name: new RegExp(`^${channel}`) })
  }
}
