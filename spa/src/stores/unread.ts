import { defineStore } from 'pinia'
import { computed, ref, watch } from 'vue'

import { countUnread } from '@/api/messages'
import { useSession } from '@/stores/session'

const PAUSE_MS = 60_000

/** How many messages the learner has not seen, 99 at most. */
export const useUnread = defineStore('unread', () => {
  const session = useSession()
  const count = ref(0)
  let askedAt = 0

  /** Ask now: something has happened that one is told of. */
  async function ask(): Promise<void> {
    const asking = session.token
    if (!asking) return
    askedAt = performance.now()
    try {
      const found = await countUnread()
      if (asking === session.token) count.value = found
    } catch {
      // The head of the page does without.
    }
  }
  /** Ask again, unless it was asked within the last minute. */
  function askNowAndThen(): void {
    if (performance.now() - askedAt >= PAUSE_MS) void ask()
  }

  watch(
    () => session.token,
    () => {
      count.value = 0
      void ask()
    },
    { immediate: true },
  )
  return { count, text: computed(() => (count.value > 98 ? '99+' : String(count.value))), ask, askNowAndThen }
})
