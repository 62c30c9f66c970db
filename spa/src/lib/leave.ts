/** Leave this page for `address`, a provider's or one of our own; with `replace` the way back does not lead here. */
export function leave(address: string, { replace = false } = {}): void {
  const to = new URL(address, window.location.href)
  if (!/^https?:$/.test(to.protocol)) throw new Error(`no page: ${to.protocol}`)
  if (replace) window.location.replace(to.href)
  else window.location.assign(to.href)
}

/** Call `shown` when the browser brings this page back as it was left, with the state of then. */
export function onBroughtBack(shown: () => void): () => void {
  const listen = (event: PageTransitionEvent) => {
    if (event.persisted) shown()
  }
  window.addEventListener('pageshow', listen)
  return () => window.removeEventListener('pageshow', listen)
}
