import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import { RefusalCode } from '@/api/codes'
import { Refused, SignedOut } from '@/api/errors'
import { loadOrder } from '@/api/orders'
import type { Order } from '@/api/schema'
import { announce } from '@/composables/announce'

/** Seconds until the next question; the last one counts until two minutes are over. */
const WAITS = [1, 2, 3, 5]
const EAGER_MS = 120_000
const LAZY_SECONDS = 15
/** So many questions are asked before it is said that nothing was paid: Alipay's word may be a moment late. */
const QUESTIONS_TO_CONFIRM = 4

/** `asking`: nothing is known yet; `confirming`: not paid so far, and Alipay's word may be on its way; `unpaid`: it waits for
 * payment; `closed`: it can no longer be paid; `unknown`: the learner has no such order. No state says that a payment failed.
 */
export type ResultState = 'asking' | 'confirming' | 'unpaid' | 'paid' | 'closed' | 'unknown'

const WORDS: Record<ResultState, string> = {
  asking: '',
  confirming: '正在向支付宝确认，不用重复付款',
  unpaid: '订单尚未支付',
  paid: '支付成功',
  closed: '订单已关闭',
  unknown: '没有查到这笔订单',
}

function stateOf(order: Order, questions: number): ResultState {
  if (order.status === '待支付') return questions < QUESTIONS_TO_CONFIRM ? 'confirming' : 'unpaid'
  return order.status === '主动取消' || order.status === '超时取消' ? 'closed' : 'paid'
}

/** Ask what became of an order until it is known: at once, after 1, 2, 3, 5, 5 … seconds, and less often from two minutes
 * on; not while the page is hidden. `paid` is called when it is seen that the order is paid.
 */
export function useOrderResult(number: string, paid: (order: Order) => void) {
  const order = shallowRef<Order>()
  const state = ref<ResultState>('asking')
  const error = ref<unknown>()
  const busy = ref(false)
  const began = performance.now()
  let questions = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let asking: AbortController | undefined

  function show(next: ResultState): void {
    if (next === state.value) return
    state.value = next
    announce(next === 'paid' && order.value?.actual_amount === 0 ? '领取成功' : WORDS[next])
    if (next === 'paid' && order.value) paid(order.value)
  }

  const isOver = () => state.value === 'paid' || state.value === 'closed' || state.value === 'unknown'

  function waitSeconds(): number {
    if (performance.now() - began < EAGER_MS) return WAITS[Math.min(questions, WAITS.length) - 1] ?? 1
    return Math.max(LAZY_SECONDS, order.value?.ask_again_seconds ?? 0)
  }

  function plan(): void {
    clearTimeout(timer)
    timer = undefined
    if (isOver() || error.value instanceof SignedOut || document.hidden) return
    timer = setTimeout(() => void ask(), waitSeconds() * 1000)
  }

  /** Ask now. What is known stays when no answer comes; then it is asked again. */
  async function ask(): Promise<void> {
    clearTimeout(timer)
    asking?.abort()
    const mine = (asking = new AbortController())
    busy.value = true
    try {
      const found = await loadOrder(number, mine.signal)
      if (mine !== asking) return
      error.value = undefined
      order.value = found
      questions += 1
      show(stateOf(found, questions))
    } catch (failure) {
      if (mine !== asking) return
      questions += 1
      if (failure instanceof Refused && failure.code === RefusalCode.OrderNotFound) show('unknown')
      else error.value = failure
    } finally {
      if (mine === asking) {
        busy.value = false
        plan()
      }
    }
  }

  const lookAgain = () => {
    if (document.hidden) clearTimeout(timer)
    else if (!isOver()) void ask()
  }
  document.addEventListener('visibilitychange', lookAgain)
  window.addEventListener('online', lookAgain)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', lookAgain)
    window.removeEventListener('online', lookAgain)
    clearTimeout(timer)
    asking?.abort()
    asking = undefined
  })
  void ask()

  return { order, state: computed(() => state.value), error, busy, ask }
}
