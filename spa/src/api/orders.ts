import { api, dataOf, unwrap } from './client'
import type { OrderStatus, PaymentRequest, Provider, QuoteRequest, WechatRequest } from './schema'

const numbered = (order_number: string) => ({ path: { order_number } })

export const loadQuote = (body: QuoteRequest, signal?: AbortSignal) => dataOf(api().POST('/account/quote', { body, signal }))

/** A placed order: where to send the browser, and a warning of an equal order (or an empty text). */
export interface Placed {
  address: string
  order_number: string
  warning: string
}

/** Place an order. The same `key` gets the first answer again and orders once. */
export async function placeOrder(body: PaymentRequest, key: string): Promise<Placed> {
  const placed = await unwrap(api().POST('/payment', { body, params: { header: { 'Idempotency-Key': key } } }))
  return { address: placed.data, order_number: placed.order_number, warning: placed.msg }
}

/** Where an unpaid order is paid. `amount`: what is due, in yuan, as the order says. */
export async function loadPayAddress(order_number: string, amount: number): Promise<Placed> {
  const query = { order_number, final_price: String(amount) }
  const found = await unwrap(api().GET('/get_pay_url', { params: { query } }))
  return { address: found.data, order_number: found.order_number, warning: found.msg }
}

/** Have an unpaid order paid by another provider; -> where. */
export async function changeProvider(order_number: string, payment_type: Provider): Promise<Placed> {
  const found = await unwrap(api().POST('/order/{order_number}/provider', { params: numbered(order_number), body: { payment_type } }))
  return { address: found.data, order_number: found.order_number, warning: found.msg }
}

/** Begin to pay an order by WeChat: what the browser does next. */
export const startWechat = (order_number: string, body: WechatRequest) =>
  dataOf(api().POST('/order/{order_number}/wechat', { params: numbered(order_number), body }))

/** A page of one's orders, newest first, with the cursor of the next. */
export async function loadOrders(status?: OrderStatus, cursor?: string, signal?: AbortSignal) {
  const found = await unwrap(api().GET('/myorder', { params: { query: { status, cursor, limit: 10 } }, signal }))
  return { rows: found.data, next: found.next }
}

export const loadOrder = (order_number: string, signal?: AbortSignal) =>
  dataOf(api().GET('/order/{order_number}', { params: numbered(order_number), signal }))
export const cancelOrder = (order_number: string) =>
  unwrap(api().POST('/order/{order_number}/cancel', { params: numbered(order_number) }))

/** What refunding these lines (positions) would give back. */
export const previewRefund = (order_number: string, lines: number[], signal?: AbortSignal) =>
  dataOf(
    api().GET('/order/{order_number}/refund_preview', {
      params: { ...numbered(order_number), query: { lines: lines.join(',') } },
      signal,
    }),
  )
export const applyForRefund = (order_number: string, lines: number[], reason: string) =>
  unwrap(api().POST('/order/{order_number}/refund', { params: numbered(order_number), body: { lines, reason } }))
export const withdrawRefund = (order_number: string, request_no: string) =>
  unwrap(api().DELETE('/order/{order_number}/refund/{request_no}', { params: { path: { order_number, request_no } } }))

export const loadMyCourses = (signal?: AbortSignal) => dataOf(api().GET('/mycourses', { signal }))
