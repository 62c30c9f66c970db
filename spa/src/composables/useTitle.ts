import { watch, watchEffect } from 'vue'

import { announce } from '@/composables/announce'
import { useConfig } from '@/stores/config'

/** Name the page after what it shows, once that is known, and have a screen reader say it. */
export function useTitle(title: () => string | undefined): void {
  const { config } = useConfig()
  watchEffect(() => {
    const text = title()
    if (text) document.title = `${text} · ${config.school.name}`
  })
  watch(title, (text) => text && announce(text))
}
