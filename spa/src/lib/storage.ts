/** `localStorage` is shared by the browser's tabs and lasts; `sessionStorage` is one tab's, and survives a reload. */
type Area = 'localStorage' | 'sessionStorage'

/** The browser's storage, which may be full, forbidden or hold what somebody else wrote: then it is as if empty. */
export function readStored<T>(key: string, isValid: (value: unknown) => value is T, area: Area = 'localStorage'): T | undefined {
  try {
    const value: unknown = JSON.parse(window[area].getItem(key) ?? 'null')
    return isValid(value) ? value : undefined
  } catch {
    return undefined
  }
}

export function store(key: string, value: unknown, area: Area = 'localStorage'): void {
  try {
    if (value === undefined) window[area].removeItem(key)
    else window[area].setItem(key, JSON.stringify(value))
  } catch {
    // It is kept for this page only.
  }
}
