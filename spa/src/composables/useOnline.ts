import { onBeforeUnmount, onMounted, ref } from 'vue'

/** Whether the computer has a network; `back` is called when it has one again. */
export function useOnline(back: () => void = () => {}) {
  const isOnline = ref(navigator.onLine)
  const change = () => {
    isOnline.value = navigator.onLine
    if (isOnline.value) back()
  }
  onMounted(() => {
    window.addEventListener('online', change)
    window.addEventListener('offline', change)
  })
  onBeforeUnmount(() => {
    window.removeEventListener('online', change)
    window.removeEventListener('offline', change)
  })
  return isOnline
}
