import { computed, shallowRef, watch } from 'vue'

import { loadOrder, loadOrders } from '@/api/orders'
import type { OrderRow, OrderStatus } from '@/api/schema'
import { usePages } from '@/composables/usePages'
import { useReturn } from '@/composables/useReturn'

/** One's orders, newest first. An order that has changed is read anew where it stands: the list does not begin again. */
export function useOrderList(status: () => OrderStatus | undefined) {
  const { load, rows, hasMore, more } = usePages(status, loadOrders)
  const renewed = shallowRef(new Map<string, OrderRow>())
  watch(load.data, () => (renewed.value = new Map()), { flush: 'sync' })
  const orders = computed<OrderRow[]>(() => rows.value.map((row) => renewed.value.get(row.order_number) ?? row))

  /** Without the API's answer the order stays as it is shown. */
  async function renew(order_number: string): Promise<void> {
    const order = await loadOrder(order_number).catch(() => undefined)
    if (order) renewed.value = new Map(renewed.value).set(order_number, order)
  }

  useReturn(() => {
    for (const { order_number, status } of orders.value) if (status === '待支付') void renew(order_number)
  })

  return { load, orders, hasMore, more, renew }
}
