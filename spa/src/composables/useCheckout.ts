import { computed, onScopeDispose, ref } from 'vue'
import { useRouter } from 'vue-router'

import type { Choice } from '@/api/cart'
import { RefusalCode } from '@/api/codes'
import { Refused, SignedOut } from '@/api/errors'
import type { Placed } from '@/api/orders'
import type { PaymentRequest } from '@/api/schema'
import { announce } from '@/composables/announce'
import { usePayment } from '@/composables/usePayment'
import { useSettlement } from '@/composables/useSettlement'
import { leave, onBroughtBack } from '@/lib/leave'
import { useSession } from '@/stores/session'

/** A course or its validity cannot be bought. */
const ofCourses: number[] = [RefusalCode.PaymentCourseNotFound, RefusalCode.PaymentPolicyNotFound]
/** What was shown is no longer so: asking for the price again helps. */
const ofPrice: number[] = [RefusalCode.BeliTaken, RefusalCode.CouponUnusable, RefusalCode.PaymentBelowMinimum, RefusalCode.AmountMismatch]

/** Settle `choices` and order them: what is shown, what the pay button does, and where it leads. */
export function useCheckout(choices: Choice[]) {
  const router = useRouter()
  const session = useSession()
  const name = `${session.stored?.username} ${choices.map((one) => `${one.course_type}-${one.course_id}-${one.price_policy_id}`).join(' ')}`
  const settlement = useSettlement(choices, name)
  const payment = usePayment(name)
  const refusal = ref('')

  /** A course or validity of the choice cannot be bought: what the shop said. */
  const trouble = ref('')
  const unavailable = computed(() => {
    const { value } = settlement.error
    return value instanceof Refused && ofCourses.includes(value.code) ? value.message : trouble.value
  })

  const resultOf = (placed: Placed) => ({ name: 'result', query: { order_num: placed.order_number } })

  /** Go where the order is paid. The way back from there leads to the order, never to this page again. */
  function go(placed: Placed): void {
    settlement.forget()
    const order = router.resolve(resultOf(placed)).href
    if (new URL(placed.address, location.href).pathname === new URL(order, location.href).pathname) {
      void router.replace(order) // nothing is due
      return
    }
    history.replaceState({ ...history.state, current: order, replaced: true }, '', order)
    leave(placed.address)
  }
  onScopeDispose(
    onBroughtBack(() => {
      if (payment.placed.value) void router.replace(resultOf(payment.placed.value))
    }),
  )

  async function order(body: PaymentRequest | undefined): Promise<void> {
    if (!body) return
    refusal.value = ''
    try {
      const placed = await payment.pay(body)
      if (placed) go(placed)
    } catch (error) {
      if (error instanceof SignedOut) return // the application leads to sign-in and back
      if (!(error instanceof Refused)) throw error
      if (ofPrice.includes(error.code)) return settlement.askAgain(error.message)
      if (ofCourses.includes(error.code)) trouble.value = error.message
      else refusal.value = error.message
      announce(error.message)
    }
  }

  const state = computed(() => {
    if (payment.placed.value) return 'leaving'
    if (payment.placing.value) return 'placing'
    if (payment.unanswered.value) return 'unknown'
    if (settlement.loading.value) return 'counting'
    return settlement.body.value ? 'ready' : 'off'
  })

  return {
    settlement,
    payment,
    state,
    refusal,
    unavailable,
    resultOf,
    /** Order what is shown. */
    pay: () => order(settlement.body.value),
    /** Ask for the answer that got lost. */
    payAgain: () => order(payment.unanswered.value),
  }
}
