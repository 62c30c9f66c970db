import { computed, onScopeDispose, ref, shallowRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

import { RefusalCode } from '@/api/codes'
import { Refused } from '@/api/errors'
import { startWechat } from '@/api/orders'
import type { Order, StartedPayment } from '@/api/schema'
import { announce } from '@/composables/announce'
import { useAction } from '@/composables/useAction'
import { usePolledOrder } from '@/composables/usePolledOrder'
import { leave, onBroughtBack } from '@/lib/leave'
import { payInWechat, wayOf, withReturn } from '@/lib/wechat'
import { useConfig } from '@/stores/config'

/** Seconds until the next question: a learner who scans looks at this page, and in five minutes most have paid. */
const EAGER_SECONDS = 3
const EAGER_MS = 300_000
const LAZY_SECONDS = 10

/** `asking`: nothing is known yet; `over`: it no longer waits for payment, and the result page tells; `elsewhere`: it is
 * paid by another provider now; `late`: too little time is left to begin; `starting`: WeChat is asked, opened, or asks the
 * learner; `qr`: a code is to be scanned; `trouble`: WeChat could not be asked; `question`: the learner was at WeChat.
 */
export type PayStage = 'asking' | 'over' | 'elsewhere' | 'late' | 'starting' | 'qr' | 'trouble' | 'question'

/** Refusals that tell of an order that is another than the page shows. */
const ofOrder: number[] = [RefusalCode.OrderNotFound, RefusalCode.OrderAlreadyPaid, RefusalCode.OrderClosed, RefusalCode.ProviderChanged]

/** Pay an order by WeChat in the way that this browser has, and ask what became of it until it is known. What the learner
 * does begins once by itself: who comes back from WeChat, or reloads then, is asked.
 */
export function useWechatPayment(number: string) {
  const route = useRoute()
  const router = useRouter()
  const { config } = useConfig()
  const way = wayOf()

  /** WeChat's word of who the learner is there, for one use. */
  let grant = typeof route.query.code === 'string' && typeof route.query.state === 'string' ? { code: route.query.code, state: route.query.state } : undefined
  /** The learner was at WeChat already: nothing begins by itself. */
  const wasThere = ref(route.query.back === '1')
  const here = { name: 'pay-wechat', query: { order_num: number } }
  const hereAgain = { name: 'pay-wechat', query: { order_num: number, back: '1' } }
  if (grant) void router.replace(here) // neither kept nor shown

  const started = shallowRef<StartedPayment>()
  /** Where the browser is on the way to. */
  const forward = ref('')
  const note = ref('')

  const { order, error, busy, ask } = usePolledOrder(number, {
    wait: (_questions, passed) => (passed < EAGER_MS ? EAGER_SECONDS : LAZY_SECONDS),
    answered,
    unknown: showResult,
    isOver: () => stage.value === 'over',
  })
  const result = { name: 'result', query: { order_num: number } }
  function showResult(): void {
    void router.replace(result)
  }

  const beginning = useAction(async () => {
    note.value = ''
    try {
      started.value = started.value?.kind === 'bridge' ? started.value : await startWechat(number, { way, ...grant })
      grant = undefined
      await go(started.value)
    } catch (failure) {
      if (failure instanceof Refused) {
        grant = undefined
        if (ofOrder.includes(failure.code)) void ask()
      }
      throw failure
    }
  })

  async function go(answer: StartedPayment): Promise<void> {
    if (answer.kind === 'qr') return announce('二维码已显示，请用微信扫一扫付款')
    if (answer.kind === 'bridge') return payHere(answer)
    const address = answer.text ?? ''
    if (way === 'h5') {
      await router.replace(hereAgain) // the way back, and reloading, lead to the question
      forward.value = withReturn(address, location.origin + router.resolve(hereAgain).href)
      leave(forward.value)
    } else {
      forward.value = address
      leave(address, { replace: true })
    }
  }

  async function payHere({ members }: StartedPayment): Promise<void> {
    const word = await payInWechat(members ?? {}, config.wechatBridge ?? undefined)
    if (word === 'ok') return showResult()
    wasThere.value = true
    note.value = word === 'cancel' ? '您在微信里取消了付款。' : '微信没有打开付款页面，请再试一次。'
    announce(note.value)
    if (word === 'fail') started.value = undefined
  }

  const stage = computed<PayStage>(() => {
    const found = order.value
    if (!found) return 'asking'
    if (found.status !== '待支付') return 'over'
    if (found.payment_code !== 'wechat') return 'elsewhere'
    if (started.value?.kind === 'qr') return found.seconds_left > 0 ? 'qr' : 'late'
    if (beginning.busy.value || forward.value) return 'starting'
    if (!found.can_pay) return 'late'
    if (beginning.problem.value) return 'trouble'
    return wasThere.value ? 'question' : 'starting'
  })

  function answered(found: Order): void {
    if (found.status !== '待支付') return showResult()
    if (found.payment_code !== 'wechat') {
      started.value = undefined // closed at WeChat
      wasThere.value = way !== 'native'
    }
    if (stage.value === 'starting' && !beginning.busy.value && !started.value) void beginning.run()
  }

  onScopeDispose(
    onBroughtBack(() => {
      forward.value = ''
      wasThere.value = true
      void ask()
    }),
  )

  return {
    way,
    order,
    stage,
    /** The text of the code to scan. */
    code: computed(() => (started.value?.kind === 'qr' ? (started.value.text ?? '') : '')),
    forward,
    note,
    /** Why WeChat could not be asked. */
    problem: beginning.problem,
    refusal: computed(() => (beginning.error.value instanceof Refused ? beginning.error.value.code : undefined)),
    error,
    busy,
    ask,
    /** Begin, or begin again. */
    begin: () => void beginning.run(),
    result,
  }
}
