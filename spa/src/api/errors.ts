/** The API refused what was asked: `message` is its own Chinese text for the learner. */
export class Refused extends Error {
  override name = 'Refused'
  constructor(
    readonly code: number,
    message: string,
    /** Seconds to wait before another attempt, where the API says so. */
    readonly retryAfter?: number,
  ) {
    super(message)
  }
}

/** The learner is not signed in, or no longer. */
export class SignedOut extends Error {
  override name = 'SignedOut'
}

/** The learner closed what was asked of them, such as the captcha: there is nothing to tell. */
export class Cancelled extends Error {
  override name = 'Cancelled'
}

const TEXTS = {
  offline: '网络已断开，请检查网络后重试',
  unreachable: '暂时连接不上学校的服务器，请稍后重试',
  busy: '服务暂时繁忙，请稍后重试',
  captcha: '安全验证没有加载出来，请检查网络后重试',
  player: '视频播放器没有加载出来，请检查网络后重试',
  fault: '我们这边出了点问题，请稍后重试',
}

/** No answer that can be understood came: offline, too slow, a store down, a fault of ours. */
export class Broken extends Error {
  override name = 'Broken'
  constructor(
    /** `offline`: the computer has no network; `unreachable`: nobody answered; `busy`: the shop says 503; `captcha`, `player`:
     * what another site has for it cannot be shown; `fault`: anything else.
     */
    readonly kind: keyof typeof TEXTS,
    /** What to tell the school when asking for help. */
    requestId?: string,
  ) {
    super(requestId ? `${TEXTS[kind]}（向学校反馈时，请附上编号 ${requestId}）` : TEXTS[kind])
  }
}

/** What a page tells the learner of any error; an empty text when there is nothing to tell. */
export function messageOf(error: unknown): string {
  if (error instanceof Cancelled) return ''
  if (error instanceof SignedOut) return '登录已失效，请重新登录'
  return error instanceof Refused || error instanceof Broken ? error.message : new Broken('fault').message
}
