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

/** No answer that can be understood came: offline, too slow, a store down, a fault of ours. */
export class Broken extends Error {
  override name = 'Broken'
  constructor(
    /** `offline`: the computer has no network; `unreachable`: nobody answered; `busy`: the shop says 503; `fault`: anything else. */
    readonly kind: 'offline' | 'unreachable' | 'busy' | 'fault',
    /** What to tell the school when asking for help. */
    readonly requestId?: string,
  ) {
    super({ offline: '网络已断开，请检查网络后重试', unreachable: '暂时连接不上学校的服务器，请稍后重试', busy: '服务暂时繁忙，请稍后重试', fault: '我们这边出了点问题，请稍后重试' }[kind])
  }
}

/** What a page tells the learner of any error. */
export function messageOf(error: unknown): string {
  if (error instanceof SignedOut) return '登录已失效，请重新登录'
  return error instanceof Refused || error instanceof Broken ? error.message : new Broken('fault').message
}
