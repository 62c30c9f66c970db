import { flushPromises } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import type { Choice } from '@/api/cart'
import { useCart } from '@/stores/cart'
import { done, fakeShop } from '@/testing/fakeShop'

import { useCartLines } from './useCartLines'

/** Course 3 can no longer be bought, 4 only with its policy 41. */
const PRICES: Record<number, number> = { 10: 69.9, 11: 128.35, 20: 0.1, 41: 10 }
const choice = (course_id: number, price_policy_id: number): Choice => ({ course_id, course_type: 'course', price_policy_id })
const policies = (id: number) => Object.fromEntries(Object.entries(PRICES).filter(([key]) => Math.floor(Number(key) / 10) === id).map(([key, price]) => [key, { prcie: price, valid_period: Number(key), valid_period_text: key, default: false }]))

function line({ course_id, course_type, price_policy_id }: Choice) {
  const price = PRICES[price_policy_id]
  return {
    id: course_id,
    course_type,
    name: `Course ${course_id}`,
    default_price: price ?? 0,
    default_price_policy_id: price_policy_id,
    relate_price_policy: policies(course_id),
    ...(price === undefined ? { sellable: false, why_not: '不能购买' } : {}),
  }
}

let scope: EffectScope

beforeEach(() => {
  localStorage.clear()
  sessionStorage.clear()
  setActivePinia(createPinia())
  fakeShop({
    'POST /shoppingcar/preview': ({ body }) => done({ shopping_car_list: (body as { course_list: Choice[] }).course_list.map(line), total: 0, total_price: 0 }),
  })
  scope = effectScope()
})
afterEach(() => scope.stop())

async function filled(...choices: Choice[]) {
  for (const one of choices) await useCart().put(one)
  const page = scope.run(() => useCartLines())!
  await flushPromises()
  return page
}

describe("the cart's page", () => {
  it('sums what is selected, to the fen; what cannot be bought is not selected', async () => {
    const { lines, buyable, gone, selected, total, select } = await filled(choice(1, 10), choice(2, 20), choice(3, 30), choice(4, 40))
    expect([lines.value.length, buyable.value.length, selected.value.length]).toEqual([4, 2, 2])
    expect(gone.value.map((one) => one.id)).toEqual([3])
    expect(total.value).toBe(70)
    select([lines.value[0]!], false)
    expect(total.value).toBe(0.1)
    expect(scope.run(() => useCartLines())!.isSelected(lines.value[0]!)).toBe(false)
    select(buyable.value, true)
    expect(total.value).toBe(70)
  })

  it('changes a validity, and the total with it', async () => {
    const { lines, choose, total, changing } = await filled(choice(1, 10), choice(4, 40))
    const changed = choose(lines.value[0]!, 11)
    expect(changing.has('course-1')).toBe(true)
    await changed
    await choose(lines.value[1]!, 41)
    await flushPromises()
    expect(changing.size).toBe(0)
    expect(total.value).toBe(138.35)
    expect(useCart().kept).toEqual([choice(1, 11), choice(4, 41)])
  })

  it('puts back what was removed, if it can be bought', async () => {
    const { lines, removal, restoring, removed } = await filled(choice(1, 10), choice(2, 20), choice(3, 30))
    await removal.run(lines.value)
    await flushPromises()
    expect([lines.value.length, removed.value.length, useCart().count]).toEqual([0, 3, 0])
    await restoring.run()
    await flushPromises()
    expect(lines.value.map((one) => one.id)).toEqual([1, 2])
    expect(removed.value).toEqual([])
  })
})
