import { randomUUID } from 'node:crypto'

import { expect, type APIRequestContext } from '@playwright/test'

import type { CaptchaFields, Channel, Order, OrderRow, Provider, SignedIn } from '../../src/api/schema'
import { address } from './addresses'

/** Somebody with an account of their own, and the session that their browser has. */
export interface Learner {
  username: string
  password: string
  session: SignedIn
}

export interface Choice {
  course_id: number
  course_type: 'course' | 'degree_course'
  price_policy_id: number
}

/** A trade in the books of WeChat's simulator; amounts in fen. */
export interface WechatTrade {
  out_trade_no: string
  trade_type: 'NATIVE' | 'H5' | 'JSAPI'
  state: 'NOTPAY' | 'SUCCESS' | 'REFUND' | 'CLOSED'
  amount: number
}

/** What tests bring about beside the browser: through the API, the simulators and the operators' command line. */
export class School {
  constructor(private readonly request: APIRequestContext) {}

  /** Ask the API; -> the whole answer. Throws when it refuses. */
  async ask(method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, { learner, data }: { learner?: Learner; data?: unknown } = {}) {
    const headers: Record<string, string> = learner ? { Authorization: learner.session.token } : {}
    const answer = await this.request.fetch(`${address('API_URL')}${path}`, { method, headers, data })
    const body = await answer.json()
    if (body.code !== 1000 && body.error_no !== 0) throw new Error(`${method} ${path}: ${JSON.stringify(body)}`)
    return body
  }

  async solvedCaptcha(): Promise<CaptchaFields> {
    const { challenge } = (await this.ask('GET', '/api/captcha_check')).data
    const solved = await this.request.post(`${address('GEETEST_URL')}/control/solve`, { data: { challenge } })
    return solved.json()
  }

  async register(): Promise<Learner> {
    const username = `e2e-${randomUUID()}`
    const password = `secret ${randomUUID()}`
    const { data } = await this.ask('POST', '/register', { data: { username, password, ...(await this.solvedCaptcha()) } })
    return { username, password, session: data }
  }

  async grantBeli({ username }: Learner, beli: number): Promise<void> {
    await this.control(`/users/${username}/beli/${beli}`)
  }

  /** A teacher answers all that the learner asked, or marks all that they handed in. */
  async teacher(does: 'answers' | 'marks', { username }: Learner): Promise<void> {
    await this.control(`/users/${username}/${does === 'answers' ? 'answer' : 'mark'}`)
  }

  /** A number or an address that the learner confirmed before. */
  async confirm({ username }: Learner, channel: Channel, to: string): Promise<void> {
    await this.control(`/users/${username}/contacts/${channel}/${to}`)
  }

  /** What waits for the learner is sent, though it may be night in Beijing. */
  async sendMessages({ username }: Learner): Promise<void> {
    await this.control(`/users/${username}/messages/send`)
  }

  /** The newest code that was sent to a number or an address. */
  async codeFor(to: string): Promise<string> {
    const found = await this.request.get(`${address('POST_URL')}/control/codes/${to}`)
    return (await found.json()).code
  }

  /** What every SMS to a number says. */
  async smsTo(number: string): Promise<string[]> {
    const found = await this.request.get(`${address('POST_URL')}/control/sms?to=${number}`)
    return (await found.json()).sms.map((one: { text: string }) => one.text)
  }

  /** The mails that were sent to an address. */
  async mailsTo(to: string): Promise<{ subject: string; text: string; unsubscribe: string | null }[]> {
    const found = await this.request.get(`${address('POST_URL')}/control/mails?to=${to}`)
    return (await found.json()).mails
  }

  async claim(learner: Learner, coupon: number): Promise<void> {
    await this.ask('POST', `/coupons/${coupon}/claim`, { learner, data: await this.solvedCaptcha() })
  }

  async putIntoCart(learner: Learner, choice: Choice): Promise<void> {
    await this.ask('POST', '/shoppingcar', { learner, data: choice })
  }

  /** Order these courses as they are quoted best, and open Alipay's cashier; -> the order's number. */
  async order(learner: Learner, choices: Choice[], payment_type: Provider = 'alipay'): Promise<string> {
    const course_list = choices.map(({ course_id, course_type, price_policy_id }) => ({ course_id, course_type, default_price_policy_id: price_policy_id }))
    const quoted = await this.ask('POST', '/account/quote', { learner, data: { is_beli: true, course_list } })
    const placed = await this.ask('POST', '/payment', { learner, data: { ...quoted.data.best, payment_type } })
    if (payment_type === 'alipay') await this.request.get(placed.data)
    return placed.order_number
  }

  /** Buy these courses; -> the order's number. */
  async own(learner: Learner, choices: Choice[]): Promise<string> {
    const number = await this.order(learner, choices)
    await this.atAlipay(number, 'pay')
    await expect.poll(async () => (await this.orderOf(learner, number)).status).toBe('交易成功')
    return number
  }

  async orders(learner: Learner): Promise<OrderRow[]> {
    return (await this.ask('GET', '/myorder', { learner })).data
  }

  async orderOf(learner: Learner, number: string): Promise<Order> {
    return (await this.ask('GET', `/order/${number}`, { learner })).data
  }

  async endSessions(learner: Learner): Promise<void> {
    await this.ask('DELETE', '/logout', { learner })
  }

  /** What the buyer does at Alipay, elsewhere than in this browser. */
  async atAlipay(number: string, does: 'pay' | 'close'): Promise<void> {
    await this.post(`${address('ALIPAY_URL')}/control/trades/${number}/${does}`, {})
  }

  /** How it stands there; null while nobody has begun to pay. */
  async stateAtAlipay(number: string): Promise<string | null> {
    const found = await this.request.get(`${address('ALIPAY_URL')}/control/trades/${number}`)
    return (await found.json()).status
  }

  /** The trades that WeChat has of an order. */
  async atWechat(number: string): Promise<WechatTrade[]> {
    const found = await this.request.get(`${address('WECHAT_URL')}/control/trades`)
    const { trades } = (await found.json()) as { trades: WechatTrade[] }
    return trades.filter((trade) => trade.out_trade_no.startsWith(number))
  }

  /** A bad day at WeChat, for one trade only. */
  async badDayAtWechat(name: string, trade: string, on = true): Promise<void> {
    await this.post(`${address('WECHAT_URL')}/control/bad-days/${name}`, { on, out_trade_no: trade })
  }

  /** A bad day at Alipay, for one order only. */
  async badDay(name: string, number: string, on = true): Promise<void> {
    await this.post(`${address('ALIPAY_URL')}/control/bad-days/${name}`, { on, out_trade_no: number })
  }

  /** What becomes of a section's video at Polyv, who then calls the school back. */
  async videoBecomes(section: { id: number }, status: 'ready' | 'waiting'): Promise<void> {
    const vid = `e2e84a7383${'0'.repeat(16)}${section.id}_e`
    await this.post(`${address('POLYV_URL')}/control/videos/${vid}`, { status })
    await this.post(`${address('POLYV_URL')}/control/callbacks`, { vid, type: 'upload' })
  }

  /** The time to pay an order is over. */
  async expire(number: string): Promise<void> {
    await this.control(`/orders/${number}/expire`)
  }

  /** The line between FAULTY_SHOP_URL and its API. */
  async apiGoes(way: 'up' | 'down'): Promise<void> {
    await this.control(`/api/${way}`)
  }

  /** Orders are placed, but nobody is told: on the same line, until it is up. */
  async paymentAnswersGetLost(): Promise<void> {
    await this.control('/api/lose/payment')
  }

  /** Where the piece fits in the picture that waits, in the picture's pixels. */
  async gapOf(challenge: string): Promise<number> {
    const found = await this.request.get(`${address('GEETEST_URL')}/control/challenges/${challenge}`)
    return (await found.json()).gap
  }

  private control = (path: string) => this.post(`${address('CONTROL_URL')}${path}`, {})

  private async post(url: string, data: unknown): Promise<void> {
    const answer = await this.request.post(url, { data })
    if (!answer.ok()) throw new Error(`${url}: ${answer.status()} ${await answer.text()}`)
  }
}
