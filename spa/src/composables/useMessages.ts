import { watch } from 'vue'

import { loadMessages, markRead } from '@/api/messages'
import { usePages } from '@/composables/usePages'
import { useReturn } from '@/composables/useReturn'
import { useUnread } from '@/stores/unread'

/** One's messages, newest first. What was shown is read from then on; here it stays marked as new until the page is
 * opened anew.
 */
export function useMessages() {
  const unread = useUnread()
  const { load, rows, hasMore, more } = usePages(
    () => null,
    (_, cursor, signal) => loadMessages({ cursor }, signal),
  )

  async function see(): Promise<void> {
    const page = load.data.value
    const newest = page?.rows[0]
    if (!page?.unread || !newest || document.visibilityState !== 'visible') return
    await markRead(newest.id)
    page.unread = 0
    unread.count = 0
  }
  // Without an answer they stay unread: the next time they are shown.
  const seeIfPossible = () => void see().catch(() => {})
  watch(load.data, (page) => {
    if (!page) return
    unread.count = page.unread
    seeIfPossible()
  })
  useReturn(seeIfPossible)
  return { load, rows, hasMore, more }
}
