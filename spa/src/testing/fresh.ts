// Before each file of tests, which share a process: none finds what another has loaded, stubbed or kept.
import { vi } from 'vitest'

vi.resetModules()
vi.useRealTimers()
vi.unstubAllGlobals()
vi.stubGlobal('fetch', () => Promise.reject(new TypeError('a unit test has no network: see fakeShop')))
localStorage.clear()
sessionStorage.clear()
document.body.innerHTML = ''
