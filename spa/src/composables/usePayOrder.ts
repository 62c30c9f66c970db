import { computed, onScopeDispose, ref } from 'vue'

import { Refused } from '@/api/errors'
import { changeProvider, loadPayAddress } from '@/api/orders'
import type { Provider } from '@/api/schema'
import { useAction } from '@/composables/useAction'
import { leave, onBroughtBack } from '@/lib/leave'

interface Payable {
  order_number: string
  actual_amount: number
}

/** 继续支付: lead to where an unpaid order is paid, by its own provider or (`change`) by another. `reload` is called when the order on the page may be another than is
 * shown: after a refusal, and when the browser brings the page back from the cashier.
 */
export function usePayOrder(reload: () => unknown) {
  /** The order that the browser is leaving for. */
  const leaving = ref('')

  const action = useAction(async ({ order_number, actual_amount }: Payable, to?: Provider) => {
    try {
      const { address } = await (to ? changeProvider(order_number, to) : loadPayAddress(order_number, actual_amount))
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
  return {
    busy: computed(() => action.busy.value || leaving.value !== ''),
    problem: action.problem,
    pay: (order: Payable) => action.run(order),
    change: (order: Payable, to: Provider) => action.run(order, to),
  }
}
