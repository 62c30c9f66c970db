import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'

import { addToCart, loadCart, previewCart, removeFromCart, type Choice } from '@/api/cart'
import type { CourseKey } from '@/api/catalogue'
import { Refused } from '@/api/errors'
import type { Cart } from '@/api/schema'
import { readStored, store } from '@/lib/storage'
import { useSession } from '@/stores/session'

const KEY = 'cart'

const isChoices = (value: unknown): value is Choice[] =>
  Array.isArray(value) && value.every((one) => Number.isInteger(one?.course_id) && Number.isInteger(one?.price_policy_id))

export const isSameCourse = (one: CourseKey, other: CourseKey): boolean =>
  one.course_id === other.course_id && one.course_type === other.course_type

/** What became of a visitor's cart at sign-in; texts for what could not be taken over. */
export interface Merged {
  added: number
  replaced: number
  owned: string[]
  left: { name: string; why: string }[]
}

const EMPTY: Cart = { shopping_car_list: [], total: 0, total_price: 0 }

/** The cart: the learner's at the school, or a visitor's kept in this browser. Only choices are kept, prices never. */
export const useCart = defineStore('cart', () => {
  const session = useSession()
  const kept = ref<Choice[]>(readStored(KEY, isChoices) ?? [])
  const counted = ref<number>()

  /** How many courses are in the cart; undefined while it is not known. */
  const count = computed(() => (session.isSignedIn ? (counted.value ?? session.user?.cart_count ?? undefined) : kept.value.length))

  watch(() => session.token, () => (counted.value = undefined))
  window.addEventListener('storage', (event) => {
    if (event.key === KEY) kept.value = readStored(KEY, isChoices) ?? []
  })

  function keep(choices: Choice[]): void {
    kept.value = choices
    store(KEY, choices.length ? choices : undefined)
  }

  async function load(signal?: AbortSignal): Promise<Cart> {
    if (!session.isSignedIn) return kept.value.length ? previewCart(kept.value, signal) : EMPTY
    const cart = await loadCart(signal)
    counted.value = cart.shopping_car_list.length
    return cart
  }

  /** Put a course in, or choose another validity for it. */
  async function put(choice: Choice): Promise<void> {
    if (session.isSignedIn) {
      await addToCart(choice)
      if (counted.value !== undefined) counted.value = undefined
      await session.refresh()
      return
    }
    const others = kept.value.filter((one) => !isSameCourse(one, choice))
    if (others.length >= 40) throw new Refused(0, '购物车最多放40门课程，请先移除一些')
    keep(kept.value.some((one) => isSameCourse(one, choice)) ? kept.value.map((one) => (isSameCourse(one, choice) ? choice : one)) : [...kept.value, choice])
  }

  async function remove(courses: CourseKey[]): Promise<void> {
    if (session.isSignedIn) await removeFromCart(courses)
    else keep(kept.value.filter((one) => !courses.some((gone) => isSameCourse(one, gone))))
  }

  /** Take a visitor's choices over into the learner's cart. What was chosen last, here, wins. Each choice is forgotten
   * here only after the school has it, or has said that it cannot have it.
   */
  async function merge(): Promise<Merged | undefined> {
    const choices = kept.value
    if (!session.isSignedIn || !choices.length) return undefined
    const merged: Merged = { added: 0, replaced: 0, owned: [], left: [] }
    const [before, preview] = await Promise.all([loadCart(), previewCart(choices)])
    for (const choice of choices) {
      const line = preview.shopping_car_list.find((one) => isSameCourse({ course_id: one.id, course_type: one.course_type }, choice))
      const name = line?.name || '一门课程'
      try {
        await addToCart(choice)
        const known = before.shopping_car_list.find((one) => isSameCourse({ course_id: one.id, course_type: one.course_type }, choice))
        if (!known) merged.added += 1
        else if (known.default_price_policy_id !== choice.price_policy_id) merged.replaced += 1
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        merged.left.push({ name, why: error.message })
      }
      keep(kept.value.filter((one) => !isSameCourse(one, choice)))
    }
    const after = await load()
    merged.owned = after.shopping_car_list
      .filter((line) => line.owned_until && choices.some((one) => isSameCourse(one, { course_id: line.id, course_type: line.course_type })))
      .map((line) => line.name)
    return merged
  }

  return { kept, count, load, put, remove, merge }
})
