/** Leave this site for `address`, a page of Alipay's or of our own. */
export function leave(address: string): void {
  const to = new URL(address, window.location.href)
  if (!/^https?:$/.test(to.protocol)) throw new Error(`no page: ${to.protocol}`)
  window.location.assign(to.href)
}

/** Call `shown` when the browser brings this page back as it was left, with the state of then. */
export function onBroughtBack(shown: () => void): () => void {
  const listen = (event: PageTransitionEvent) => {
    if (event.persisted) shown()
  }
  window.addEventListener('pageshow', listen)
  return () => window.removeEventListener('pageshow', listen)
}
