import { flushPromises } from '@vue/test-utils'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, ref, type EffectScope } from 'vue'

import { loadOrder, loadOrders } from '@/api/orders'
import type { Order, OrderRow, OrderStatus } from '@/api/schema'

import { useOrderList } from './useOrderList'

vi.mock('@/api/orders', () => ({ loadOrder: vi.fn(), loadOrders: vi.fn() }))

const row = (order_number: string, status: OrderStatus) => ({ order_number, status }) as OrderRow
let scope: EffectScope

async function listing() {
  const status = ref<OrderStatus>()
  const list = scope.run(() => useOrderList(() => status.value))
  await flushPromises()
  if (!list) throw new Error('the scope is over')
  return { ...list, status, shown: () => list.orders.value.map((one) => `${one.order_number} ${one.status}`) }
}

beforeEach(() => {
  scope?.stop()
  scope = effectScope()
  vi.mocked(loadOrder).mockReset()
  vi.mocked(loadOrders).mockReset().mockResolvedValue({ rows: [row('B', '待支付'), row('A', '交易成功')], next: undefined })
})

describe('the list of orders', () => {
  it('shows an order anew where it stands', async () => {
    vi.mocked(loadOrder).mockResolvedValue(row('B', '主动取消') as Order)
    const { renew, shown } = await listing()
    await renew('B')
    expect(shown()).toEqual(['B 主动取消', 'A 交易成功'])
    expect(loadOrders).toHaveBeenCalledOnce()
  })

  it('keeps an order as it is when it cannot be read', async () => {
    vi.mocked(loadOrder).mockRejectedValue(new Error())
    const { renew, shown } = await listing()
    await renew('B')
    expect(shown()).toEqual(['B 待支付', 'A 交易成功'])
  })

  it('asks for unpaid orders again when the learner comes back', async () => {
    vi.mocked(loadOrder).mockResolvedValue(row('B', '交易成功') as Order)
    const { shown } = await listing()
    document.dispatchEvent(new Event('visibilitychange'))
    await flushPromises()
    expect(vi.mocked(loadOrder).mock.calls).toEqual([['B']])
    expect(shown()).toEqual(['B 交易成功', 'A 交易成功'])
  })

  it('reads another group from its beginning', async () => {
    vi.mocked(loadOrder).mockResolvedValue(row('B', '主动取消') as Order)
    const { renew, status, shown } = await listing()
    await renew('B')
    vi.mocked(loadOrders).mockResolvedValue({ rows: [row('B', '待支付')], next: undefined })
    status.value = '待支付'
    await flushPromises()
    expect(vi.mocked(loadOrders).mock.calls.at(-1)?.[0]).toBe('待支付')
    expect(shown()).toEqual(['B 待支付'])
  })
})
