import { defineStore } from 'pinia'
import { watch } from 'vue'

import { useSession } from '@/stores/session'

/** What was written and not handed in, by section, for as long as the shop front is open and its learner signed in. */
export const useDrafts = defineStore('drafts', () => {
  const session = useSession()
  const texts = new Map<string, string>()
  watch(
    () => session.token,
    () => texts.clear(),
  )
  return { texts }
})
