import { ref } from 'vue'

import { askQuestion, loadAsked } from '@/api/asked'
import type { CourseKey } from '@/api/catalogue'
import { toast } from '@/composables/toast'
import { useAction } from '@/composables/useAction'
import { usePages } from '@/composables/usePages'

/** What a learner asked about a course, newest first, and asking: about the section of `about`, if it is given. */
export function useQuestions(key: () => CourseKey, about: () => number | undefined = () => undefined) {
  const asked = usePages(key, loadAsked)
  const text = ref('')
  const missing = ref(false)

  const { busy, problem, run } = useAction(async () => {
    missing.value = !text.value.trim()
    if (missing.value) return
    await askQuestion(key(), text.value, about())
    text.value = ''
    toast('问题已提交，老师回复后会通知您')
    await asked.load.reload()
  })

  return { asked, text, missing, busy, problem, ask: run }
}
