/** Show the part of the page that a `#hash` names, if it is there: below what stays on the screen, as the styles say. */
export function showPart(hash: string): void {
  document.getElementById(hash.slice(1))?.scrollIntoView()
}

const LONGEST_MS = 3000

/** Wait until the page is `height` pixels high, as what it shows has been read; at most three seconds. */
export function grownTo(height: number): Promise<void> {
  const isGrown = () => document.documentElement.scrollHeight >= height
  if (isGrown()) return Promise.resolve()
  return new Promise((resolve) => {
    const observer = new ResizeObserver(() => isGrown() && done())
    const limit = setTimeout(done, LONGEST_MS)
    function done(): void {
      observer.disconnect()
      clearTimeout(limit)
      resolve()
    }
    observer.observe(document.body)
  })
}
