import { reactive } from 'vue'

import { announce } from '@/composables/announce'

const SHOWN_MS = 5000

export interface Toast {
  id: number
  text: string
  kind: 'success' | 'warning'
  /** A way on. */
  link?: { to: string; text: string }
}

export const toasts = reactive<Toast[]>([])
let last = 0

/** Tell briefly, at the edge of the page, what was done. What must be read stands in the page itself. */
export function toast(text: string, kind: Toast['kind'] = 'success', link?: Toast['link']): void {
  const id = (last += 1)
  toasts.push({ id, text, kind, link })
  if (toasts.length > 3) toasts.shift()
  announce(text)
  setTimeout(() => dismiss(id), SHOWN_MS)
}

export function dismiss(id: number): void {
  const index = toasts.findIndex((one) => one.id === id)
  if (index >= 0) toasts.splice(index, 1)
}
