const TIMEOUT = 15_000

const loads = new Map<string, Promise<void>>()

/** Load another site's script, once for all pages. Rejects when it does not come; then the next call tries again. */
export function loadScript(address: string): Promise<void> {
  const known = loads.get(address)
  if (known) return known
  const load = new Promise<void>((resolve, reject) => {
    const script = document.createElement('script')
    const fail = () => {
      script.remove()
      loads.delete(address)
      reject(new Error(`no script: ${address}`))
    }
    const timer = setTimeout(fail, TIMEOUT)
    script.onload = () => {
      clearTimeout(timer)
      resolve()
    }
    script.onerror = () => {
      clearTimeout(timer)
      fail()
    }
    script.src = address
    document.head.append(script)
  })
  loads.set(address, load)
  return load
}
