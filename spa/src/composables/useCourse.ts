import { computed } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import { loadCourse, loadMine, type CourseKey } from '@/api/catalogue'
import { toast } from '@/composables/toast'
import { useAction } from '@/composables/useAction'
import { useLoad } from '@/composables/useLoad'
import { settlementLink, typeFrom } from '@/lib/links'
import { chosenTile, isForEver, saleOf, tilesOf } from '@/lib/prices'
import { isSameCourse, useCart } from '@/stores/cart'
import { useSession } from '@/stores/session'

/** A course with what the learner has of it, and the validity that is chosen, which the address holds. */
export function useCourse() {
  const route = useRoute()
  const router = useRouter()
  const session = useSession()
  const cart = useCart()

  // On the way to another page they stay as they were.
  const isHere = () => route.name === 'course'
  const key = computed<CourseKey>((before) =>
    before && !isHere() ? before : { course_id: Number(route.params.id), course_type: typeFrom(route.query.type) },
  )
  const asked = computed<number | undefined>((before) => (isHere() ? Number(route.query.policy) || undefined : before))

  const page = useLoad(() => key.value, loadCourse)
  const read = useLoad(
    () => ({ key: key.value, token: session.token }),
    ({ key: one, token }, signal) => (token ? loadMine(one, signal) : Promise.resolve(undefined)),
    { keep: true },
  )
  const mine = computed(() => (session.isSignedIn ? read.data.value : undefined))
  /** The page waits for what is the learner's, so that it does not jump; without it, it does what it can. */
  const isMineAwaited = computed(() => session.isSignedIn && read.first.value)
  const mineProblem = computed(() => session.isSignedIn && read.error.value !== undefined)

  const course = computed(() => page.data.value)
  const sale = computed(() => (course.value ? saleOf(course.value) : 'gone'))
  const canBuy = computed(() => sale.value === 'open' && !isForEver(mine.value))
  const tiles = computed(() => tilesOf(course.value?.prices ?? [], mine.value?.free_term_had ?? false))
  const inCart = computed(() =>
    session.isSignedIn ? mine.value?.cart_policy_id : cart.kept.find((one) => isSameCourse(one, key.value))?.price_policy_id,
  )
  const chosen = computed(() => chosenTile(tiles.value, asked.value, inCart.value))

  /** Keep the choice in the address: it survives signing in, and can be shared. */
  const choose = (policy_id: number) => void router.replace({ query: { ...route.query, policy: String(policy_id) }, hash: route.hash })

  const { busy, problem, run: add } = useAction(async () => {
    const tile = chosen.value
    if (!tile) return
    await cart.put({ ...key.value, price_policy_id: tile.policy_id })
    if (session.isSignedIn) await read.reload()
    toast(`已加入购物车：${tile.name}`, 'success', { to: '/cart', text: '去购物车' })
  })

  function buy(): void {
    if (chosen.value) void router.push(settlementLink([{ ...key.value, price_policy_id: chosen.value.policy_id }]))
  }

  return { key, page, course, mine, isMineAwaited, mineProblem, reloadMine: read.reload, sale, canBuy, tiles, chosen, choose, inCart, busy, problem, add, buy }
}
