import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { Refused } from '@/api/errors'
import { applyForRefund, previewRefund } from '@/api/orders'
import type { OrderRow, RefundPreview } from '@/api/schema'

import { REASONS, useRefund } from './useRefund'

vi.mock('@/api/orders', () => ({ applyForRefund: vi.fn(), previewRefund: vi.fn() }))

const line = (position: number, refund_status = '') => ({ line: position, refund_status })
const order = (...lines: ReturnType<typeof line>[]) => ({ order_number: 'N', orderdetail_list: lines }) as unknown as OrderRow
let scope: EffectScope

async function applying(given: OrderRow) {
  const changed = vi.fn()
  const made = scope.run(() => useRefund(() => given, changed))
  await flushPromises()
  if (!made) throw new Error('the scope is over')
  return { ...made, changed }
}

beforeEach(() => {
  scope?.stop()
  scope = effectScope()
  setActivePinia(createPinia())
  vi.mocked(applyForRefund).mockReset().mockResolvedValue({ data: { status: '待审核' } } as never)
  vi.mocked(previewRefund).mockReset().mockImplementation(async (_, lines) => ({ lines, amount: 100 * lines.length }) as RefundPreview)
})

describe('applying for a refund', () => {
  it('offers the lines that are left, and takes the only one there is', async () => {
    const one = await applying(order(line(0, '已退费'), line(1)))
    expect(one.open.value.map((each) => each.line)).toEqual([1])
    expect(one.found.value?.lines).toEqual([1])
    const two = await applying(order(line(0), line(1)))
    expect(two.chosen.value).toEqual([])
    expect(two.found.value).toBeUndefined()
  })

  it('previews what is chosen, never what was chosen before', async () => {
    const { chosen, found } = await applying(order(line(0), line(1)))
    chosen.value = [0]
    await flushPromises()
    expect(found.value?.amount).toBe(100)
    chosen.value = [1, 0]
    await Promise.resolve()
    expect(found.value).toBeUndefined()
    await flushPromises()
    expect(found.value?.lines).toEqual([0, 1])
  })

  it('is sent only when it is complete', async () => {
    const { chosen, choice, text, submit, linesMissing, choiceMissing, textMissing } = await applying(order(line(0), line(1)))
    await submit()
    expect([linesMissing.value, choiceMissing.value]).toEqual([true, true])
    chosen.value = [1]
    choice.value = '其他原因'
    await flushPromises()
    await submit()
    expect(textMissing.value).toBe(true)
    expect(applyForRefund).not.toHaveBeenCalled()
    text.value = ' 换了工作 '
    await submit()
    expect(vi.mocked(applyForRefund).mock.calls).toEqual([['N', [1], '其他原因：换了工作']])
  })

  it('never has a reason longer than the API takes', async () => {
    const { choice, text, textLength, submit } = await applying(order(line(0)))
    for (const reason of REASONS) {
      choice.value = reason
      text.value = '长'.repeat(textLength.value)
      await submit()
      expect(vi.mocked(applyForRefund).mock.calls.at(-1)?.[2]).toHaveLength(200)
    }
  })

  it("shows a refusal in the API's words and has the order read anew", async () => {
    vi.mocked(applyForRefund).mockRejectedValue(new Refused(1505, '已超过可申请退费的期限'))
    const { choice, submit, problem, done, changed } = await applying(order(line(0)))
    choice.value = REASONS[0] ?? ''
    await submit()
    expect(problem.value).toBe('已超过可申请退费的期限')
    expect(done.value).toBeUndefined()
    expect(changed).toHaveBeenCalledOnce()
  })
})
