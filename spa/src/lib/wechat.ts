/** How WeChat is paid: a QR code that a phone scans, WeChat opened from a phone's browser, or within WeChat itself. */
export type WechatWay = 'native' | 'h5' | 'jsapi'

/** How long WeChat's own browser may take to bring its bridge. */
const BRIDGE_MS = 10_000

interface Bridge {
  invoke(name: string, members: Record<string, string>, done: (answer: { err_msg?: string }) => void): void
}

declare global {
  interface Window {
    WeixinJSBridge?: Bridge
  }
}

export const isWechat = (agent = navigator.userAgent): boolean => /MicroMessenger/i.test(agent)

/** The way to pay that a browser has. A tablet shows the code, as a computer: WeChat is on the learner's phone. */
export function wayOf(agent = navigator.userAgent): WechatWay {
  if (isWechat(agent)) return 'jsapi'
  return /Mobile/.test(agent) && !/iPad/.test(agent) ? 'h5' : 'native'
}

/** `address`, where a phone's browser opens WeChat, with the page to which WeChat leads back. */
export const withReturn = (address: string, back: string): string => `${address}${address.includes('?') ? '&' : '?'}redirect_url=${encodeURIComponent(back)}`

/** WeChat's own browser brings the bridge a moment after the page; `script` brings one to a browser that is not WeChat's. */
function bridge(script: string | undefined): Promise<Bridge | undefined> {
  if (window.WeixinJSBridge) return Promise.resolve(window.WeixinJSBridge)
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      document.removeEventListener('WeixinJSBridgeReady', end)
      resolve(window.WeixinJSBridge)
    }
    const timer = setTimeout(end, BRIDGE_MS)
    document.addEventListener('WeixinJSBridgeReady', end)
    if (script) document.head.append(Object.assign(document.createElement('script'), { src: script }))
  })
}

/** What WeChat says of a payment within it; whether money came is the API's to say. */
export type BridgeAnswer = 'ok' | 'cancel' | 'fail'

/** Have WeChat ask the learner to pay. `members` are the API's. */
export async function payInWechat(members: Record<string, string>, script: string | undefined): Promise<BridgeAnswer> {
  const found = await bridge(script)
  if (!found) return 'fail'
  return new Promise((resolve) => {
    found.invoke('getBrandWCPayRequest', members, ({ err_msg = '' }) => {
      const word = err_msg.slice(err_msg.lastIndexOf(':') + 1)
      resolve(word === 'ok' || word === 'cancel' ? word : 'fail')
    })
  })
}
