import { computed, shallowRef, watch } from 'vue'

import { useAction } from '@/composables/useAction'
import { useLoad } from '@/composables/useLoad'

interface Page {
  rows: unknown[]
  /** The cursor of the next page; absent on the last. */
  next?: string
}

/** Read a list page by page, one below the other. With another `source`, or with `load.reload`, it begins anew. */
export function usePages<S, P extends Page>(source: () => S, read: (source: S, cursor: string | undefined, signal?: AbortSignal) => Promise<P>) {
  const load = useLoad(source, (given, signal) => read(given, undefined, signal))
  const further = shallowRef<P[]>([])
  watch(load.data, () => (further.value = []), { flush: 'sync' })

  const pages = computed(() => (load.data.value ? [load.data.value, ...further.value] : []))
  const rows = computed(() => pages.value.flatMap((page) => page.rows as P['rows']) as P['rows'])
  const hasMore = computed(() => pages.value.at(-1)?.next !== undefined)

  const more = useAction(async () => {
    const first = load.data.value
    const page = await read(source(), pages.value.at(-1)?.next)
    if (first === load.data.value) further.value = [...further.value, page]
  })

  return { load, rows, hasMore, more }
}
