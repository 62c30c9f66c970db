import { expect, type Page } from '@playwright/test'

import type { School } from '../support/school'
import { slideTo } from '../support/slider'

/** Signing in, registering, and the slider. */
export class EntryPage {
  constructor(
    private readonly page: Page,
    private readonly school: School,
  ) {}

  get signInHeading() {
    return this.page.getByRole('heading', { level: 1, name: '登录' })
  }
  get name() {
    return this.page.getByLabel('用户名', { exact: true })
  }
  get password() {
    return this.page.getByLabel('密码', { exact: true })
  }
  get slider() {
    return this.page.getByRole('dialog', { name: '安全验证' })
  }
  get registerButton() {
    return this.page.getByRole('main').getByRole('button', { name: '注册' })
  }
  get signInButton() {
    return this.page.getByRole('main').getByRole('button', { name: '登录' })
  }

  get number() {
    return this.page.getByLabel('手机号', { exact: true }).and(this.page.getByRole('textbox'))
  }
  get mail() {
    return this.page.getByLabel('邮箱', { exact: true }).and(this.page.getByRole('textbox'))
  }
  get code() {
    return this.page.getByLabel('验证码', { exact: true })
  }
  get sendButton() {
    return this.page.getByRole('button', { name: '获取验证码' })
  }
  /** That a code was sent, and when another can be. */
  get isSent() {
    return this.page.getByRole('button', { name: /\d+ 秒后可重发/ })
  }

  async signIn(username: string, password: string) {
    await this.name.fill(username)
    await this.password.fill(password)
    await this.signInButton.click()
  }

  async register(username: string, password: string) {
    await this.name.fill(username)
    await this.password.fill(password)
    await this.page.getByRole('checkbox', { name: /我已阅读并同意/ }).check()
    await this.registerButton.click()
  }

  /** Do `act`, which brings the slider, and move its piece into the gap: with the keys, as by hand. */
  async withSlider(act: () => Promise<unknown>) {
    const loaded = this.page.waitForResponse((response) => /\/(get\.php|load)\?/.test(response.url()))
    await act()
    const picture = await (await loaded).json()
    const handle = this.slider.getByRole('slider')
    await expect(handle).toBeFocused()
    await slideTo(handle, await this.school.gapOf(picture.challenge ?? picture.lot_number))
    await expect(this.slider).toBeHidden()
  }
}
