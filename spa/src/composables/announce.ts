import { ref } from 'vue'

/** What a screen reader says next; `App.vue` has the one live region. */
export const announced = ref('')

/** Have a screen reader say `text`, politely; the same text again is said again. */
export function announce(text: string): void {
  announced.value = announced.value === text ? `${text}\u00a0` : text
}
