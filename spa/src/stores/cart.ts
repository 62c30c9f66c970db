import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'

import { addToCart, loadCart, previewCart, removeFromCart, type Choice } from '@/api/cart'
import type { CourseKey } from '@/api/catalogue'
import { Refused } from '@/api/errors'
import type { Cart, CartLine } from '@/api/schema'
import { readStored, store } from '@/lib/storage'
import { useSession } from '@/stores/session'

const KEY = 'cart'
/** Changes whenever a learner's cart does, for the other tabs. */
const CHANGED_KEY = 'cart-changed'
const UNSELECTED_KEY = 'cart-unselected'
const MOST_LINES = 40

const isChoices = (value: unknown): value is Choice[] =>
  Array.isArray(value) && value.every((one) => Number.isInteger(one?.course_id) && Number.isInteger(one?.price_policy_id))
const isTexts = (value: unknown): value is string[] => Array.isArray(value) && value.every((one) => typeof one === 'string')

export const isSameCourse = (one: CourseKey, other: CourseKey): boolean =>
  one.course_id === other.course_id && one.course_type === other.course_type
export const courseOf = (line: CartLine): CourseKey => ({ course_id: line.id, course_type: line.course_type })
export const choiceOf = (line: CartLine): Choice => ({ ...courseOf(line), price_policy_id: line.default_price_policy_id })
/** A text that names a course, for sets and list keys. */
export const keyText = ({ course_id, course_type }: CourseKey): string => `${course_type}-${course_id}`

/** What became of a visitor's cart at sign-in. */
export interface Merged {
  /** Courses that are in the learner's cart now and were not before. */
  added: number
  /** Courses that were there already and have another validity now. */
  replaced: number
  /** Names of those that the learner has already; they are in the cart, not selected. */
  owned: string[]
  /** What could not be taken over, and why. */
  left: { course: CourseKey; name: string; why: string }[]
}

const EMPTY: Cart = { shopping_car_list: [], total: 0, total_price: 0 }

/** The cart: the learner's at the school, or a visitor's kept in this browser. Only choices are kept, prices never. */
export const useCart = defineStore('cart', () => {
  const session = useSession()
  const kept = ref<Choice[]>(readKept())
  const counted = ref<number>()
  /** Counts what other tabs did to the learner's cart. */
  const changes = ref(0)
  /** What the last merge did, until the learner has seen it. */
  const merged = ref<Merged>()
  /** Courses that are in the cart and not to be bought now, by `keyText`; in this tab. */
  const unselected = ref<string[]>(readStored(UNSELECTED_KEY, isTexts, 'sessionStorage') ?? [])
  let merging: Promise<void> | undefined

  /** How many courses are in the cart; undefined while it is not known. */
  const count = computed(() => (session.isSignedIn ? (counted.value ?? session.user?.cart_count ?? undefined) : kept.value.length))

  watch(
    () => session.token,
    () => {
      counted.value = undefined
      merged.value = undefined
    },
  )
  window.addEventListener('storage', (event) => {
    if (event.key === KEY) kept.value = readKept()
    if (event.key !== CHANGED_KEY || !session.isSignedIn) return
    changes.value += 1
    void recount()
  })

  function readKept(): Choice[] {
    return readStored(KEY, isChoices) ?? []
  }
  function keep(choices: Choice[]): void {
    kept.value = choices
    store(KEY, choices.length ? choices : undefined)
  }

  function forgetKept(courses: CourseKey[]): void {
    keep(kept.value.filter((one) => !courses.some((gone) => isSameCourse(one, gone))))
  }

  function select(course: CourseKey, isSelected: boolean): void {
    const others = unselected.value.filter((one) => one !== keyText(course))
    unselected.value = isSelected ? others : [...others, keyText(course)]
    store(UNSELECTED_KEY, unselected.value, 'sessionStorage')
  }

  /** Ask the school anew how many courses are in the cart, as after an order took some out. */
  async function recount(): Promise<void> {
    await session.refresh()
    counted.value = undefined
  }

  /** Today's cart; a visitor's choices that still wait are merged into a learner's first. */
  async function load(signal?: AbortSignal): Promise<Cart> {
    if (!session.isSignedIn) return kept.value.length ? previewCart(kept.value, signal) : EMPTY
    await merge()
    const cart = await loadCart(signal)
    counted.value = cart.shopping_car_list.length
    return cart
  }

  /** Put a course in, or choose another validity for it. */
  async function put(choice: Choice): Promise<void> {
    if (session.isSignedIn) {
      await addToCart(choice)
      forgetKept([choice]) // a merge that comes later would bring back what was chosen before
      store(CHANGED_KEY, Date.now())
      return recount()
    }
    const isKnown = kept.value.some((one) => isSameCourse(one, choice))
    if (!isKnown && kept.value.length >= MOST_LINES) throw new Refused(0, `购物车最多放${MOST_LINES}门课程，请先移除一些`)
    keep(isKnown ? kept.value.map((one) => (isSameCourse(one, choice) ? choice : one)) : [...kept.value, choice])
  }

  async function remove(courses: CourseKey[]): Promise<void> {
    for (const course of courses) select(course, true) // for when it is put in again
    if (session.isSignedIn) {
      await removeFromCart(courses)
      forgetKept(courses)
      store(CHANGED_KEY, Date.now())
      return recount()
    }
    forgetKept(courses)
  }

  /** Take a visitor's choices over into the learner's cart; once at a time, in all tabs. Where both have a course, what
   * was chosen here, last, wins. Each choice is forgotten here only after the school has it, or has said that it cannot.
   */
  function merge(): Promise<void> {
    if (!session.isSignedIn || !kept.value.length) return merging ?? Promise.resolve()
    merging ??= alone(mergeKept).finally(() => (merging = undefined))
    return merging
  }

  async function mergeKept(): Promise<void> {
    const choices = (kept.value = readKept()) // another tab may have merged meanwhile
    if (!choices.length) return
    const done: Merged = { added: 0, replaced: 0, owned: [], left: [] }
    const [before, preview] = await Promise.all([loadCart(), previewCart(choices)])
    const lineIn = (cart: Cart, choice: Choice) => cart.shopping_car_list.find((line) => isSameCourse(courseOf(line), choice))
    for (const choice of choices) {
      if (!kept.value.some((one) => isSameCourse(one, choice))) continue // the learner has chosen anew meanwhile
      try {
        await addToCart(choice)
        const known = lineIn(before, choice)
        if (!known) done.added += 1
        else if (known.default_price_policy_id !== choice.price_policy_id) done.replaced += 1
      } catch (error) {
        if (!(error instanceof Refused)) throw error
        const line = lineIn(preview, choice)
        done.left.push({ course: choice, name: line?.name || '一门已下架的课程', why: line?.why_not ?? error.message })
      }
      forgetKept([choice])
    }
    const after = await loadCart()
    counted.value = after.shopping_car_list.length
    for (const line of after.shopping_car_list) {
      const course = courseOf(line)
      if (!line.owned_until || !choices.some((one) => isSameCourse(one, course))) continue
      done.owned.push(line.name)
      select(course, false)
    }
    store(CHANGED_KEY, Date.now())
    merged.value = done
  }

  return { kept, count, changes, merged, unselected, select, load, put, remove, merge, recount }
})

/** Do `work` while no other tab does. */
async function alone(work: () => Promise<void>): Promise<void> {
  const locks = navigator.locks as LockManager | null | undefined // there is none without HTTPS
  await (locks ? locks.request('cart', work) : work())
}

/** What a merge did, in one sentence; empty when nothing is worth saying. */
export function mergedText({ added, replaced, owned, left }: Merged): string {
  const parts = [
    added ? `${added} 门已加入` : '',
    replaced ? `${replaced} 门改为您刚选的有效期` : '',
    owned.length ? `${owned.length} 门您已拥有，未勾选` : '',
    left.length ? `${left.length} 门未能加入` : '',
  ].filter(Boolean)
  return parts.length ? `登录前选的课程：${parts.join('，')}` : ''
}
