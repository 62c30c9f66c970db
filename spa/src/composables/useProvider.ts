import { computed, ref } from 'vue'

import type { Provider } from '@/api/schema'
import { readStored, store } from '@/lib/storage'
import { isWechat } from '@/lib/wechat'

const KEY = 'provider'
const isText = (value: unknown): value is string => typeof value === 'string'

/** By which of the shop's `providers` the learner pays: what they chose last in this browser; else the first. WeChat's own
 * browser opens no other provider's page, so that there it is WeChat until they choose.
 */
export function useProvider(providers: () => Provider[]) {
  const chosen = ref<string | undefined>(isWechat() ? 'wechat' : readStored(KEY, isText))
  return computed<Provider>({
    get: () => providers().find((one) => one === chosen.value) ?? providers()[0] ?? 'alipay',
    set(one) {
      chosen.value = one
      store(KEY, one)
    },
  })
}
