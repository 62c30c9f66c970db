import { api, dataOf } from './client'
import type { CaptchaFields } from './schema'

export const loadMyCoupons = (signal?: AbortSignal) => dataOf(api().GET('/coupons', { signal }))
/** Offers that can be claimed now, and those that can be soon. */
export const loadOffers = (signal?: AbortSignal) =>
  dataOf(api().GET('/coupons/available', { params: { query: { coming: '1' } }, signal }))
export const claimCoupon = (coupon_id: number, captcha: CaptchaFields) =>
  dataOf(api().POST('/coupons/{coupon_id}/claim', { params: { path: { coupon_id: String(coupon_id) } }, body: captcha }))
