import type { Provider } from '@/api/schema'

/** The providers by which money is paid, as learners know them. */
export const PROVIDER_NAMES: Record<Provider, string> = { alipay: '支付宝', wechat: '微信支付' }

/** What an order can be paid by instead. */
export function otherProviders({ providers, payment_code }: { providers: Provider[]; payment_code: string }): Provider[] {
  return providers.filter((one) => one !== payment_code)
}
