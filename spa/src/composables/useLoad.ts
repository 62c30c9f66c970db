import { computed, onScopeDispose, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'

export interface Load<T> {
  /** What was read last; it stays while it is read anew. */
  data: Readonly<Ref<T | undefined>>
  error: Readonly<Ref<unknown>>
  loading: Readonly<Ref<boolean>>
  /** Nothing to show yet, and no error: show a skeleton. */
  first: ComputedRef<boolean>
  reload: () => Promise<void>
}

/** Read something of the API, and again whenever `source` changes. An older request is aborted, so that its answer
 * never replaces a newer one. With another `source`, what was read before is no longer shown unless `keep`.
 */
export function useLoad<S, T>(
  source: () => S,
  read: (source: S, signal: AbortSignal) => Promise<T>,
  { keep = false }: { keep?: boolean } = {},
): Load<T> {
  const data = shallowRef<T>()
  const error = ref<unknown>()
  const loading = ref(false)
  let current: AbortController | undefined

  async function load(): Promise<void> {
    current?.abort()
    const mine = (current = new AbortController())
    loading.value = true
    error.value = undefined
    try {
      const found = await read(source(), mine.signal)
      if (mine === current) data.value = found
    } catch (failure) {
      if (mine === current && !mine.signal.aborted) error.value = failure
    } finally {
      if (mine === current) loading.value = false
    }
  }

  watch(source, (now, before) => {
    if (JSON.stringify(now) === JSON.stringify(before)) return
    if (!keep) data.value = undefined
    void load()
  })
  void load()
  onScopeDispose(() => {
    current?.abort()
    current = undefined
  })
  return { data, error, loading, first: computed(() => data.value === undefined && error.value === undefined), reload: load }
}
