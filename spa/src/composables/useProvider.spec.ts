import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ref } from 'vue'

import type { Provider } from '@/api/schema'

import { useProvider } from './useProvider'

const both: Provider[] = ['alipay', 'wechat']

beforeEach(() => {
  localStorage.clear()
  vi.restoreAllMocks()
})

describe('the provider at settlement', () => {
  it('is the first until the learner chooses, then what they chose last', () => {
    const first = useProvider(() => both)
    expect(first.value).toBe('alipay')
    first.value = 'wechat'
    expect(first.value).toBe('wechat')
    expect(useProvider(() => both).value).toBe('wechat')
  })

  it('is one that the shop has, whatever was chosen', () => {
    localStorage.setItem('provider', '"wechat"')
    const providers = ref<Provider[]>(['alipay'])
    const provider = useProvider(() => providers.value)
    expect(provider.value).toBe('alipay')
    providers.value = both
    expect(provider.value).toBe('wechat')
    localStorage.setItem('provider', '{"no":"text"}')
    expect(useProvider(() => both).value).toBe('alipay')
  })

  it('is WeChat within WeChat', () => {
    localStorage.setItem('provider', '"alipay"')
    vi.spyOn(navigator, 'userAgent', 'get').mockReturnValue('Mobile MicroMessenger/8.0.50')
    expect(useProvider(() => both).value).toBe('wechat')
    expect(useProvider(() => ['alipay']).value).toBe('alipay')
  })
})
