import { computed, onScopeDispose, ref } from 'vue'

import { Refused } from '@/api/errors'
import { loadPayAddress } from '@/api/orders'
import { useAction } from '@/composables/useAction'
import { leave, onBroughtBack } from '@/lib/leave'

/** 继续支付: lead to where an unpaid order is paid. `reload` is called when the order on the page may be another than is
 * shown: after a refusal, and when the browser brings the page back from the cashier.
 */
export function usePayOrder(reload: () => unknown) {
  /** The order that the browser is leaving for. */
  const leaving = ref('')

  const action = useAction(async ({ order_number, actual_amount }: { order_number: string; actual_amount: number }) => {
    try {
      const { address } = await loadPayAddress(order_number, actual_amount)
      leaving.value = order_number
      leave(address)
    } catch (error) {
      if (error instanceof Refused) reload()
      throw error
    }
  })
  onScopeDispose(
    onBroughtBack(() => {
      leaving.value = ''
      reload()
    }),
  )
  return { busy: computed(() => action.busy.value || leaving.value !== ''), problem: action.problem, pay: action.run }
}
