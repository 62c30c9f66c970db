import { watch } from 'vue'
import { useRoute } from 'vue-router'

import { toast } from '@/composables/toast'
import { mergedText, useCart } from '@/stores/cart'
import { useSession } from '@/stores/session'

/** Take a visitor's cart over whenever a learner has signed in, wherever that was, and say what became of it. The cart's
 * own page says it itself.
 */
export function useMergeCart(): void {
  const session = useSession()
  const cart = useCart()
  const route = useRoute()

  watch(
    () => session.token,
    async (token) => {
      // Without an answer the choices stay in the browser: the cart's page and the next visit try again.
      if (token) await cart.merge().catch(() => {})
    },
    { immediate: true },
  )
  watch(
    () => cart.merged,
    (merged) => {
      const text = merged && mergedText(merged)
      if (text && route.name !== 'cart') toast(text, merged.left.length ? 'warning' : 'success', { to: '/cart', text: '看购物车' })
    },
  )
}
