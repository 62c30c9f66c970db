import { onBeforeUnmount, onMounted } from 'vue'

import type { usePlayer } from '@/composables/usePlayer'

/** How far an arrow goes, in seconds. */
const STEP = 5

/** What has keys of its own, or is worked by the space bar. */
const OWN_KEYS = 'input, textarea, select, [contenteditable], dialog, [role="dialog"], [role="slider"]'
const PRESSED_BY_SPACE = 'a, button, summary, [role="button"]'

/** Whether a key pressed there is the player's: never with Ctrl, Alt or Meta, nor in what has keys of its own. */
export function isForPlayer(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return false
  const target = event.target instanceof Element ? event.target : undefined
  if (target?.closest(OWN_KEYS)) return false
  return event.key !== ' ' || !target?.closest(PRESSED_BY_SPACE)
}

/** The keys of a page with a player: space (play, pause), ← and → (5 seconds), F (full screen), M (sound on and off). */
export function usePlayerKeys(player: Pick<ReturnType<typeof usePlayer>, 'isOpen' | 'toggle' | 'seekBy' | 'toggleFullscreen' | 'toggleSound'>): void {
  const keys: Record<string, () => void> = {
    ' ': player.toggle,
    ArrowLeft: () => player.seekBy(-STEP),
    ArrowRight: () => player.seekBy(STEP),
    f: player.toggleFullscreen,
    m: player.toggleSound,
  }

  function press(event: KeyboardEvent): void {
    const does = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key]
    if (!does || !player.isOpen.value || !isForPlayer(event)) return
    event.preventDefault()
    event.stopImmediatePropagation() // the vendor's player may have keys of its own
    if (!event.repeat || event.key.startsWith('Arrow')) does()
  }
  onMounted(() => window.addEventListener('keydown', press, { capture: true }))
  onBeforeUnmount(() => window.removeEventListener('keydown', press, { capture: true }))
}
