import type { Page } from '@playwright/test'
import decode from 'jsqr'

/** Where an order is paid by WeChat. */
export class WechatPage {
  constructor(private readonly page: Page) {}

  async open(number: string) {
    await this.page.goto(`/payment/wechat?order_num=${number}`)
  }
  get code() {
    return this.page.getByRole('img', { name: /^微信支付二维码/ })
  }
  /** What WeChat's scanner reads in the code, by its pixels. */
  async scanned(): Promise<string> {
    const picture = (await this.code.screenshot()).toString('base64')
    const { bits, width, height } = await this.page.evaluate(async (base64) => {
      const image = new Image()
      image.src = `data:image/png;base64,${base64}`
      await image.decode()
      const context = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height }).getContext('2d')!
      context.drawImage(image, 0, 0)
      const { data, width, height } = context.getImageData(0, 0, image.width, image.height)
      return { bits: data.filter((_, i) => i % 4 === 0).reduce((text, red) => text + (red < 128 ? '1' : '0'), ''), width, height }
    }, picture)
    const pixels = Uint8ClampedArray.from([...bits].flatMap((bit) => (bit === '1' ? [0, 0, 0, 255] : [255, 255, 255, 255])))
    return decode(pixels, width, height)?.data ?? ''
  }
  get question() {
    return this.page.getByRole('heading', { name: '您在微信里完成付款了吗？' })
  }
  get againButton() {
    return this.page.getByRole('button', { name: /^(重新支付|再试一次)$/ })
  }
  get toAlipay() {
    return this.page.getByRole('button', { name: '改用支付宝' })
  }
  get trouble() {
    return this.page.getByRole('main').getByRole('alert')
  }
}

/** WeChat's cashier: the simulator's. */
export class WechatCashier {
  constructor(private readonly page: Page) {}

  get payButton() {
    return this.page.getByRole('button', { name: '立即支付' })
  }
  get back() {
    return this.page.getByRole('link', { name: '返回商户' })
  }
  get state() {
    return this.page.getByRole('status')
  }
}
