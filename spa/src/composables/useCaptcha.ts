import { onScopeDispose } from 'vue'

import { RefusalCode } from '@/api/codes'
import { Broken, Cancelled, Refused } from '@/api/errors'
import { startCaptcha } from '@/api/people'
import type { CaptchaFields, StartedCaptcha } from '@/api/schema'
import { loadScript } from '@/lib/script'
import { useConfig } from '@/stores/config'

/** What both generations of Geetest's widget can do. */
interface Widget {
  onReady(listener: () => void): unknown
  onSuccess(listener: () => void): unknown
  onError(listener: () => void): unknown
  onClose(listener: () => void): unknown
  getValidate(): Record<string, string> | false
  destroy(): void
  /** Opens the panel: version 3. */
  verify?: () => void
  /** Opens the panel: version 4. */
  showCaptcha?: () => void
}
type Make = (options: Record<string, unknown>, ready: (widget: Widget) => void) => void

declare global {
  interface Window {
    initGeetest?: Make
    initGeetest4?: Make
  }
}

const FIELDS = ['geetest_challenge', 'geetest_validate', 'geetest_seccode', 'lot_number', 'captcha_output', 'pass_token', 'gen_time'] as const

/** Load Geetest's script. Throws Broken; then the next call tries again. */
async function loadLibrary(address: string): Promise<void> {
  try {
    await loadScript(address)
  } catch {
    throw new Broken('captcha')
  }
}

const fieldsOf = (proof: Record<string, string>): CaptchaFields =>
  Object.fromEntries(FIELDS.filter((name) => name in proof).map((name) => [name, proof[name]]))

/** The captcha of what a stranger could do often: `solve` shows the slider, each time a new one; `proven` only when the
 * proof before does not serve any more.
 */
export function useCaptcha() {
  const { config } = useConfig()
  let abandon: (() => void) | undefined
  let isLeft = false
  let solved: CaptchaFields | undefined

  /** Send what wants a solved captcha. What is refused leaves the proof good: a wrong password does not ask for another. */
  async function proven<T>(send: (proof: CaptchaFields) => Promise<T>): Promise<T> {
    const isUsed = solved !== undefined
    const proof = (solved ??= await solve())
    try {
      const answer = await send(proof)
      solved = undefined
      return answer
    } catch (error) {
      const isStale = error instanceof Refused && error.code === RefusalCode.CaptchaFailed
      if (isStale || !(error instanceof Refused)) solved = undefined
      if (isStale && isUsed) return proven(send)
      throw error
    }
  }

  /** What the API wants with the request; nothing where the captcha is off. Throws Cancelled when the learner closes
   * the slider, Broken when it cannot be shown, Refused when too many were asked for.
   */
  async function solve(): Promise<CaptchaFields> {
    if (config.captcha.state === 'off') return {}
    const opener = document.activeElement
    const started = await startCaptcha()
    if (started.captcha === 'off') return {}
    const isFour = config.captcha.version === '4'
    // Version 4 has no slider of its own for when Geetest is down: the challenge alone goes back.
    if (isFour && !started.success) return { lot_number: started.challenge, captcha_output: 'offline', pass_token: 'offline', gen_time: 'offline' }
    await loadLibrary(config.captcha.script)
    try {
      return fieldsOf(await slide(isFour, started))
    } catch (error) {
      // The button that was pressed may be disabled yet: it takes the focus back when it is not.
      setTimeout(() => opener instanceof HTMLElement && opener.focus())
      throw error
    }
  }

  function slide(isFour: boolean, { gt, challenge, success }: StartedCaptcha): Promise<Record<string, string>> {
    return new Promise((resolve, reject) => {
      const make = isFour ? window.initGeetest4 : window.initGeetest
      const fail = () => reject(new Broken('captcha'))
      if (!make) return fail()
      const options = isFour
        ? { captchaId: gt, offlineCb: fail }
        : { gt, challenge, offline: !success, new_captcha: true, https: location.protocol === 'https:' }
      make({ ...options, product: 'bind', language: isFour ? 'zho' : undefined, lang: isFour ? undefined : 'zh-cn' }, (widget) => {
        let isOver = false
        const end = (then: () => void) => {
          if (isOver) return
          isOver = true
          abandon = undefined
          then()
          widget.destroy()
        }
        abandon = () => end(() => reject(new Cancelled()))
        if (isLeft) return abandon()
        widget.onSuccess(() => {
          const proof = widget.getValidate()
          end(() => (proof ? resolve(proof) : fail()))
        })
        widget.onError(() => end(fail))
        widget.onClose(() => abandon?.())
        widget.onReady(() => (widget.showCaptcha ?? widget.verify)?.call(widget))
      })
    })
  }

  onScopeDispose(() => {
    isLeft = true
    abandon?.()
  })
  return { solve, proven }
}
