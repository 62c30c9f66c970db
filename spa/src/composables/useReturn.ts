import { onScopeDispose } from 'vue'

/** Call `again` when the learner comes back to this tab, as from the cashier in another. */
export function useReturn(again: () => void): void {
  const listen = () => {
    if (document.visibilityState === 'visible') again()
  }
  document.addEventListener('visibilitychange', listen)
  onScopeDispose(() => document.removeEventListener('visibilitychange', listen))
}
