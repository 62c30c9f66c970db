import { computed, onScopeDispose, reactive, shallowRef } from 'vue'

import { validitiesOf } from '@/api/cart'
import { RefusalCode } from '@/api/codes'
import { messageOf, Refused } from '@/api/errors'
import type { CartLine } from '@/api/schema'
import { announce } from '@/composables/announce'
import { useAction } from '@/composables/useAction'
import { useLoad } from '@/composables/useLoad'
import { sumYuan } from '@/lib/money'
import { choiceOf, courseOf, keyText, useCart } from '@/stores/cart'
import { useSession } from '@/stores/session'

export const canBuy = (line: CartLine): boolean => line.sellable !== false

/** The cart's page: its lines with today's prices, what of it is to be bought, and what is done to it. */
export function useCartLines() {
  const session = useSession()
  const cart = useCart()
  const load = useLoad(
    () => [session.token, session.isSignedIn ? cart.changes : cart.kept],
    (_, signal) => cart.load(signal),
    { keep: true },
  )

  const lines = computed(() => load.data.value?.shopping_car_list ?? [])
  const buyable = computed(() => lines.value.filter(canBuy))
  /** Those that no other validity helps. */
  const gone = computed(() => lines.value.filter((line) => !canBuy(line) && !validitiesOf(line).some((one) => one.sellable)))
  const isSelected = (line: CartLine) => canBuy(line) && !cart.unselected.includes(keyText(courseOf(line)))
  const selected = computed(() => lines.value.filter(isSelected))
  const total = computed(() => sumYuan(selected.value.map((line) => line.default_price)))

  function select(some: CartLine[], on: boolean): void {
    for (const line of some) cart.select(courseOf(line), on)
  }

  /** What the learner took out last, to be put back. */
  const removed = shallowRef<CartLine[]>([])
  const removal = useAction(async (some: CartLine[]) => {
    try {
      await cart.remove(some.map(courseOf))
      removed.value = some
      announce(`已移除 ${some.length} 门课程`)
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== RefusalCode.CartLineNotFound) throw error
      removed.value = [] // another tab was faster
    }
    await load.reload()
  })
  const restoring = useAction(async () => {
    for (const line of removed.value.filter(canBuy)) await cart.put(choiceOf(line))
    announce('已放回购物车')
    removed.value = []
    await load.reload()
  })

  /** The lines whose validity is being changed, and why others were not, by `keyText`. */
  const changing = reactive(new Set<string>())
  const problems = reactive(new Map<string, string>())
  async function choose(line: CartLine, price_policy_id: number): Promise<void> {
    const key = keyText(courseOf(line))
    changing.add(key)
    problems.delete(key)
    try {
      await cart.put({ ...courseOf(line), price_policy_id })
    } catch (error) {
      problems.set(key, messageOf(error))
      announce(messageOf(error))
    }
    await load.reload()
    changing.delete(key)
  }

  // Another tab or device may have changed it.
  const lookAgain = () => {
    if (document.visibilityState === 'visible' && !load.loading.value) void load.reload()
  }
  document.addEventListener('visibilitychange', lookAgain)
  onScopeDispose(() => document.removeEventListener('visibilitychange', lookAgain))

  return { load, lines, buyable, gone, selected, total, isSelected, select, removed, removal, restoring, changing, problems, choose }
}
