import { computed, ref, watch } from 'vue'

import { RefusalCode } from '@/api/codes'
import { sendCode } from '@/api/contacts'
import { Refused } from '@/api/errors'
import type { CodeRequest } from '@/api/schema'
import { announce } from '@/composables/announce'
import { useAction } from '@/composables/useAction'
import { useCaptcha } from '@/composables/useCaptcha'
import { useCountdown } from '@/composables/useCountdown'
import { useOwnCodes } from '@/stores/ownCodes'
import { useSession } from '@/stores/session'

/** Have a code sent to a number or an address, and know when the next can be. Another receiver begins anew. */
export function useCode(wanted: () => Pick<CodeRequest, 'purpose' | 'channel' | 'to'>) {
  const { proven } = useCaptcha()
  const session = useSession()
  const own = useOwnCodes()
  const wait = ref(ownWait())
  /** For how many seconds the code is good that was sent; undefined before. */
  const goodFor = ref<number>()
  const { left } = useCountdown(
    () => wait.value,
    () => {
      wait.value = undefined
      announce('可以重新获取验证码了')
    },
  )

  const { busy, problem, error, run } = useAction(async () => {
    const asked = wanted()
    try {
      const { wait_seconds, expires_in } = await proven((proof) => sendCode({ ...asked, ...proof }))
      waitFor(wait_seconds)
      goodFor.value = expires_in
      announce('验证码已发送')
      return true
    } catch (failure) {
      if (failure instanceof Refused && failure.retryAfter) waitFor(failure.retryAfter)
      throw failure
    }
  })
  function waitFor(seconds: number): void {
    wait.value = seconds
    if (wanted().purpose === 'confirm') Object.assign(own, { token: session.token, freeAt: performance.now() + seconds * 1000 })
  }
  /** What is still to be waited for another receiver: the API counts a learner's own codes together. */
  function ownWait(): number | undefined {
    if (wanted().purpose !== 'confirm' || own.token !== session.token) return undefined
    const left = Math.ceil((own.freeAt - performance.now()) / 1000)
    return left > 0 ? left : undefined
  }
  function forget(): void {
    error.value = undefined
    problem.value = ''
  }
  watch(
    () => `${wanted().channel} ${wanted().to}`,
    () => {
      wait.value = ownWait()
      goodFor.value = undefined
      forget()
    },
  )

  const isOfReceiver = computed(() => error.value instanceof Refused && error.value.code === RefusalCode.InvalidContact)
  return {
    busy,
    /** Seconds until the next code can be sent; 0 when it can. */
    left: computed(() => Math.ceil(left.value)),
    goodFor,
    receiverProblem: computed(() => (isOfReceiver.value ? problem.value : '')),
    problem: computed(() => (isOfReceiver.value ? '' : problem.value)),
    send: run,
  }
}
