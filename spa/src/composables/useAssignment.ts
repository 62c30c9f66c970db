import { computed, ref, shallowRef, watch } from 'vue'

import { handIn, loadAssignment } from '@/api/asked'
import type { CourseKey } from '@/api/catalogue'
import { RefusalCode } from '@/api/codes'
import { Refused } from '@/api/errors'
import type { Assignment } from '@/api/schema'
import { toast } from '@/composables/toast'
import { useAction } from '@/composables/useAction'
import { useLoad } from '@/composables/useLoad'
import { useDrafts } from '@/stores/drafts'

const OVER = new Set<number>([RefusalCode.HandInMarked, RefusalCode.AssignmentOver])

/** A section's assignment: what was handed in, and handing in until it is marked or its time is over. */
export function useAssignment(key: () => CourseKey, section: () => number) {
  const load = useLoad(
    () => ({ key: key(), section: section() }),
    ({ key: one, section: id }, signal) => loadAssignment(one, id, signal),
  )
  const { texts } = useDrafts()
  const place = computed(() => `${key().course_type} ${key().course_id} ${section()}`)
  const text = ref('')
  const missing = ref(false)
  /** What was handed in last, until it is read anew. */
  const put = shallowRef<Assignment>()

  const shown = computed(() => put.value ?? load.data.value)
  const handedIn = computed(() => shown.value?.hand_in ?? undefined)
  const canHandIn = computed(() => shown.value !== undefined && !shown.value.is_over && !handedIn.value?.is_marked)
  const isChanged = computed(() => text.value.trim() !== (handedIn.value?.text ?? ''))
  /** What one had written when it was marked, or its time was over. */
  const unsent = computed(() => (shown.value && !canHandIn.value && isChanged.value ? text.value.trim() : ''))

  // What one writes stays when the section is read anew, and when one comes back to it.
  watch(place, () => (text.value = texts.get(place.value) ?? ''), { immediate: true })
  watch(load.data, (read, before) => {
    put.value = undefined
    if (read && (!before || !text.value)) text.value = texts.get(place.value) ?? read.hand_in?.text ?? ''
  })
  watch(
    text,
    (written) => {
      if (written && written !== handedIn.value?.text) texts.set(place.value, written)
      else texts.delete(place.value)
    },
    { flush: 'sync' },
  )

  const { busy, problem, run } = useAction(async () => {
    missing.value = !text.value.trim()
    if (missing.value) return
    try {
      put.value = await handIn(key(), section(), text.value)
      text.value = put.value.hand_in?.text ?? ''
      texts.delete(place.value)
      toast('作业已提交')
    } catch (error) {
      // It was marked, or its time ran out, meanwhile: show how it stands.
      if (error instanceof Refused && OVER.has(error.code)) await load.reload()
      throw error
    }
  })

  return { load, shown, handedIn, canHandIn, isChanged, unsent, text, missing, busy, problem, submit: run }
}
