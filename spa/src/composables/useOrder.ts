import { onScopeDispose, watch } from 'vue'

import { loadOrder } from '@/api/orders'
import { useLoad } from '@/composables/useLoad'
import { useReturn } from '@/composables/useReturn'

/** An order, read anew as long as the API says that news are awaited, and when the learner comes back to this tab. */
export function useOrder(number: () => string) {
  const load = useLoad(number, loadOrder)
  let timer: ReturnType<typeof setTimeout> | undefined

  // A hidden tab asks when it is seen again.
  const ask = () => {
    if (document.visibilityState === 'visible') void load.reload()
  }
  watch(load.data, (order) => {
    clearTimeout(timer)
    if (order?.ask_again_seconds) timer = setTimeout(ask, order.ask_again_seconds * 1000)
  })
  useReturn(ask)
  onScopeDispose(() => clearTimeout(timer))
  return load
}
