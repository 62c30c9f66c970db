import { watchEffect } from 'vue'

import { useConfig } from '@/stores/config'

/** Name the page after what it shows, once that is known. */
export function useTitle(title: () => string | undefined): void {
  const { config } = useConfig()
  watchEffect(() => {
    const text = title()
    if (text) document.title = `${text} · ${config.school.name}`
  })
}
