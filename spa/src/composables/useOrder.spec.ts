import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { loadOrder } from '@/api/orders'
import type { Order } from '@/api/schema'

import { useOrder } from './useOrder'

vi.mock('@/api/orders', () => ({ loadOrder: vi.fn() }))

const answer = (ask_again_seconds: number | null) => ({ ask_again_seconds }) as Order
let scope: EffectScope

beforeEach(() => {
  vi.useFakeTimers()
  scope = effectScope()
  vi.mocked(loadOrder).mockReset()
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})

describe('the page of an order', () => {
  it('asks again when the API says that there may be news, and no longer when there are none', async () => {
    vi.mocked(loadOrder).mockResolvedValueOnce(answer(5)).mockResolvedValueOnce(answer(null))
    scope.run(() => useOrder(() => 'N'))
    await vi.advanceTimersByTimeAsync(4999)
    expect(loadOrder).toHaveBeenCalledTimes(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(loadOrder).toHaveBeenCalledTimes(2)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(loadOrder).toHaveBeenCalledTimes(2)
  })

  it('asks anew when the learner comes back', async () => {
    vi.mocked(loadOrder).mockResolvedValue(answer(null))
    scope.run(() => useOrder(() => 'N'))
    await flushPromises()
    document.dispatchEvent(new Event('visibilitychange'))
    expect(loadOrder).toHaveBeenCalledTimes(2)
  })

  it('asks no more once it is left', async () => {
    vi.mocked(loadOrder).mockResolvedValue(answer(5))
    scope.run(() => useOrder(() => 'N'))
    await flushPromises()
    scope.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    document.dispatchEvent(new Event('visibilitychange'))
    expect(loadOrder).toHaveBeenCalledTimes(1)
  })
})
