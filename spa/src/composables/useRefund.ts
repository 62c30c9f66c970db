import { computed, ref, watch } from 'vue'

import { Refused } from '@/api/errors'
import { applyForRefund, previewRefund } from '@/api/orders'
import type { OrderRow, Refund } from '@/api/schema'
import { announce } from '@/composables/announce'
import { useAction } from '@/composables/useAction'
import { useLoad } from '@/composables/useLoad'
import { useSession } from '@/stores/session'

export const REASONS = ['买错了课程或有效期', '课程内容与预期不符', '暂时没有时间学习', '其他原因']
export const OTHER = REASONS[3]
/** How long a reason may be, as the API has it. */
const REASON_LENGTH = 200

/** Apply for a refund of some lines of an order: choose, see what would come back, say why, send. */
export function useRefund(order: () => OrderRow, changed: () => void) {
  const session = useSession()
  const open = computed(() => order().orderdetail_list.filter((line) => !line.refund_status))
  /** Positions of lines. The only line there is needs no choosing. */
  const chosen = ref(open.value.length === 1 ? open.value.map(({ line }) => line) : [])
  const lines = computed(() => open.value.map(({ line }) => line).filter((line) => chosen.value.includes(line)))
  const choice = ref('')
  const text = ref('')
  const reason = computed(() => [choice.value, text.value.trim()].filter(Boolean).join('：'))
  const textLength = computed(() => REASON_LENGTH - choice.value.length - 1)

  const preview = useLoad(
    () => lines.value,
    async (asked, signal) => (asked.length ? await previewRefund(order().order_number, asked, signal) : undefined),
    { keep: true },
  )
  /** What would come back for just these lines; undefined while that is not known. */
  const found = computed(() => (lines.value.length && !preview.loading.value && !preview.error.value ? preview.data.value : undefined))

  const linesMissing = ref(false)
  const choiceMissing = ref(false)
  const textMissing = ref(false)
  watch(lines, () => (linesMissing.value = false))
  watch([choice, text], () => (choiceMissing.value = textMissing.value = false))

  /** What was applied for. */
  const done = ref<Refund>()
  const action = useAction(async () => {
    try {
      done.value = (await applyForRefund(order().order_number, lines.value, reason.value)).data
    } catch (error) {
      if (error instanceof Refused) changed()
      throw error
    }
    changed()
    await session.refresh()
  })

  /** Whether everything is there that the API wants; what is not is told beside its field. */
  function check(): boolean {
    linesMissing.value = lines.value.length === 0
    choiceMissing.value = choice.value === ''
    textMissing.value = choice.value === OTHER && text.value.trim() === ''
    if (linesMissing.value || choiceMissing.value || textMissing.value) announce('请先补全退费申请')
    return !linesMissing.value && !choiceMissing.value && !textMissing.value
  }

  async function submit(): Promise<void> {
    if (check()) await action.run()
  }

  return { open, chosen, choice, text, textLength, preview, found, linesMissing, choiceMissing, textMissing, done, busy: action.busy, problem: action.problem, submit }
}
