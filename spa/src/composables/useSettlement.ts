import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import type { Choice } from '@/api/cart'
import { RefusalCode } from '@/api/codes'
import { Refused } from '@/api/errors'
import { loadQuote } from '@/api/orders'
import type { PaymentRequest, Quote, QuoteRequest } from '@/api/schema'
import { announce } from '@/composables/announce'
import { useProvider } from '@/composables/useProvider'
import { yuanText } from '@/lib/money'
import { readStored, store } from '@/lib/storage'
import { keyText } from '@/stores/cart'

/** What is used to pay: a coupon for each course by `keyText`, a general one, 贝里. */
export interface Picks {
  coupons: Record<string, number>
  general?: number
  beli: boolean
  /** The learner has chosen; until then the best combination is used. */
  own: boolean
}

const isPicks = (value: unknown): value is Picks => {
  const picks = value as Partial<Picks> | null
  return typeof picks?.coupons === 'object' && picks.coupons !== null && typeof picks.beli === 'boolean' && typeof picks.own === 'boolean'
}

function bodyOf(choices: Choice[], picks: Picks): QuoteRequest {
  return {
    is_beli: picks.beli,
    course_list: choices.map((one) => ({
      course_id: one.course_id,
      course_type: one.course_type,
      default_price_policy_id: one.price_policy_id,
      coupon_record_id: picks.coupons[keyText(one)] ?? null,
    })),
    global_coupon_id: picks.general ?? null,
  }
}

/** The best combination of a quote, as picks. */
function bestOf({ best }: Quote, before: Picks): Picks {
  const coupons: Record<string, number> = {}
  for (const line of best.course_list) {
    if (line.coupon_record_id !== undefined) coupons[keyText(line)] = line.coupon_record_id
  }
  return { ...before, coupons, general: best.global_coupon_id === '' ? undefined : best.global_coupon_id }
}

const isCouponRefusal = (error: unknown): error is Refused =>
  error instanceof Refused && (error.code === RefusalCode.CouponUnusable || error.code === RefusalCode.PaymentBelowMinimum)

/** What `choices` cost with the coupons and 贝里 picked for them. The best combination is picked at first; from the first
 * change on the choice is the learner's and is kept, in this tab under `name`. Only the answer to the latest question is
 * taken.
 */
export function useSettlement(choices: Choice[], name: string) {
  const storageKey = `settlement ${name}`
  const picks = ref<Picks>(readStored(storageKey, isPicks, 'sessionStorage') ?? { coupons: {}, beli: true, own: false })
  const quote = shallowRef<Quote>()
  const error = ref<unknown>()
  const loading = ref(false)
  /** What was changed without the learner's doing, to be read before paying. */
  const notice = ref('')
  const provider = useProvider(() => quote.value?.providers ?? [])
  let asking: AbortController | undefined

  async function answer(signal: AbortSignal): Promise<[Quote, Picks]> {
    const asked = picks.value
    if (asked.own) return [await loadQuote(bodyOf(choices, asked), signal), asked]
    const none: Picks = { ...asked, coupons: {}, general: undefined }
    const plain = await loadQuote(bodyOf(choices, none), signal)
    if (plain.best_saves <= 0) return [plain, none]
    const best = bestOf(plain, none)
    return [await loadQuote(bodyOf(choices, best), signal), best]
  }

  /** Let go of the coupons that can no longer be used, or of the general one; of all if the rest do not go together. */
  async function answerWithout(refused: Refused, signal: AbortSignal): Promise<[Quote, Picks]> {
    const asked = picks.value
    const none: Picks = { ...asked, coupons: {}, general: undefined }
    const plain = await loadQuote(bodyOf(choices, none), signal)
    const usable = new Set(plain.coupons.filter((one) => one.usable).map((one) => one.pk))
    const kept: Picks = {
      ...asked,
      coupons: Object.fromEntries(Object.entries(asked.coupons).filter(([, pk]) => usable.has(pk))),
      general: asked.general !== undefined && usable.has(asked.general) ? asked.general : undefined,
    }
    notice.value = `${refused.message}。已为您取消不能使用的优惠券，请核对应付金额`
    if (JSON.stringify(kept) === JSON.stringify(asked)) kept.general = undefined // the minimum is not reached any more
    try {
      return [await loadQuote(bodyOf(choices, kept), signal), kept]
    } catch (failure) {
      if (!isCouponRefusal(failure)) throw failure
      return [plain, none]
    }
  }

  /** Ask anew what it costs. */
  async function ask(): Promise<void> {
    asking?.abort()
    const mine = (asking = new AbortController())
    loading.value = true
    error.value = undefined
    try {
      const [found, used] = await answer(mine.signal).catch((failure: unknown) => {
        if (!isCouponRefusal(failure)) throw failure
        return answerWithout(failure, mine.signal)
      })
      if (mine !== asking) return
      if (quote.value && quote.value.total_price !== found.total_price) announce(`应付 ${yuanText(found.total_price)}`)
      quote.value = found
      picks.value = used
      store(storageKey, used, 'sessionStorage')
    } catch (failure) {
      if (mine === asking) error.value = failure
    } finally {
      if (mine === asking) loading.value = false
    }
  }

  function change(changed: Partial<Picks>): void {
    picks.value = { ...picks.value, ...changed, own: true }
    notice.value = ''
    void ask()
  }
  function pickCoupon(course: string, pk: number | undefined): void {
    const coupons = { ...picks.value.coupons }
    if (pk === undefined) delete coupons[course]
    else coupons[course] = pk
    change({ coupons })
  }
  const pickGeneral = (general: number | undefined) => change({ general })
  const spendBeli = (beli: boolean) => change({ beli })
  const takeBest = () => quote.value && change(bestOf(quote.value, picks.value))

  /** Something else is due than was shown, or a coupon is gone: ask anew, and say why. */
  async function askAgain(why: string): Promise<void> {
    const before = quote.value?.total_price
    await ask()
    const due = quote.value?.total_price
    if (error.value || due === undefined || before === undefined || notice.value) return
    notice.value = due === before ? why : `应付金额由 ${yuanText(before)} 变为 ${yuanText(due)}，请核对后再支付`
    announce(notice.value)
  }

  /** The body that orders what is shown; undefined while what is shown is not what was picked. */
  const body = computed<PaymentRequest | undefined>(() => {
    if (!quote.value || loading.value || error.value) return undefined
    return { ...bodyOf(choices, picks.value), pay_money: quote.value.total_price, payment_type: provider.value }
  })
  const forget = () => store(storageKey, undefined, 'sessionStorage')

  void ask()
  onScopeDispose(() => {
    asking?.abort()
    asking = undefined
  })
  return { quote, picks, provider, error, loading, notice, body, ask, askAgain, pickCoupon, pickGeneral, spendBeli, takeBest, forget }
}
