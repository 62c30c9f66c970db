import { onScopeDispose, watch, type Ref } from 'vue'
import type { Router } from 'vue-router'

/** What lies over the page and how it is closed, the topmost last. */
const sheets: (() => void)[] = []

/** While it is open, the browser's way back closes it and stays on the page: a phone's learners close by going back. */
export function useBackCloses(open: Ref<boolean>): void {
  const close = () => (open.value = false)
  function leave(): void {
    const index = sheets.lastIndexOf(close)
    if (index >= 0) sheets.splice(index, 1)
  }
  watch(
    open,
    (isOpen) => {
      leave()
      if (isOpen) sheets.push(close)
    },
    { immediate: true },
  )
  onScopeDispose(leave)
}

/** Tie the router to `useBackCloses`; once, when it is made. */
export function closeSheetsOnBack(router: Router): void {
  // The router tells its guards where to, not by which way: its history knows, and is asked just before them.
  let isBack = false
  router.options.history.listen((_to, _from, { delta }) => (isBack = delta < 0))
  router.beforeEach(() => {
    const close = isBack ? sheets.at(-1) : undefined
    isBack = false
    close?.()
    return !close
  })
}
