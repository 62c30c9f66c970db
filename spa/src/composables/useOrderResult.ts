import { computed, ref } from 'vue'

import type { Order } from '@/api/schema'
import { announce } from '@/composables/announce'
import { usePolledOrder } from '@/composables/usePolledOrder'

/** Seconds until the next question; the last one counts until two minutes are over. */
const WAITS = [1, 2, 3, 5]
const EAGER_MS = 120_000
const LAZY_SECONDS = 15
/** So many questions are asked before it is said that nothing was paid: the provider's word may be a moment late. */
const QUESTIONS_TO_CONFIRM = 4

/** `asking`: nothing is known yet; `confirming`: not paid so far, and the provider's word may be on its way; `unpaid`: it waits for
 * payment; `closed`: it can no longer be paid; `unknown`: the learner has no such order. No state says that a payment failed.
 */
export type ResultState = 'asking' | 'confirming' | 'unpaid' | 'paid' | 'closed' | 'unknown'

const WORDS: Record<ResultState, string> = {
  asking: '',
  confirming: '正在确认付款，不用重复付款',
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
 * on. `paid` is called when it is seen that the order is paid.
 */
export function useOrderResult(number: string, paid: (order: Order) => void) {
  const state = ref<ResultState>('asking')
  const { order, error, busy, ask } = usePolledOrder(number, {
    wait(questions, passed, known) {
      if (passed < EAGER_MS) return WAITS[Math.min(questions, WAITS.length) - 1] ?? 1
      return Math.max(LAZY_SECONDS, known?.ask_again_seconds ?? 0)
    },
    answered: (found, questions) => show(stateOf(found, questions)),
    unknown: () => show('unknown'),
    isOver: () => state.value === 'paid' || state.value === 'closed',
  })

  function show(next: ResultState): void {
    if (next === state.value) return
    state.value = next
    announce(next === 'paid' && order.value?.actual_amount === 0 ? '领取成功' : WORDS[next])
    if (next === 'paid' && order.value) paid(order.value)
  }

  return { order, state: computed(() => state.value), error, busy, ask }
}
