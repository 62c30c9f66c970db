import { nextTick, watch, type Ref } from 'vue'

/** What has the focus may vanish when what is shown changes with `source`, as a button of something that is done. Then
 * the keyboard goes on at `root`, which needs `tabindex="-1"`. Gives a function for changes that `source` does not tell of.
 */
export function useFocusKept(root: Ref<HTMLElement | null | undefined>, source: () => unknown): () => void {
  const regain = () => {
    // A dialog that has just been closed still has the focus, and takes it along when it goes.
    if (document.activeElement === document.body || document.activeElement?.checkVisibility() === false) root.value?.focus()
  }
  watch(source, async () => {
    if (!root.value?.contains(document.activeElement)) return
    await nextTick()
    regain()
  })
  return regain
}
