import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, type EffectScope } from 'vue'

import { fakePolyv } from '@/testing/fakePolyv'
import { done, fakeShop, later, refused } from '@/testing/fakeShop'

import { usePlayer } from './usePlayer'

const PLAY = 'POST /course/7/sections/3/play'
const REPORT = 'POST /study/report'
const given = (more = {}) =>
  done({ kind: 'polyv', link: null, vid: 'v', token: 'token 1', ts: '1', sign: 's', code: 'c', player_url: 'https://player.test/player.js', ticket: 'T1', renew_after: 300, resume_at: 0, seconds: 600, ...more })
const counted = (more = {}) => done({ counted_seconds: 10, share: 2, done: false, next_report: 12, ...more })

let scope: EffectScope
let script: 'comes' | 'fails'

function play(answers: Record<string, () => unknown> = {}) {
  const shop = fakeShop({ [PLAY]: () => given(), [REPORT]: () => counted(), ...answers })
  const polyv = fakePolyv()
  const tell = vi.fn()
  const player = scope.run(() => usePlayer({ course_id: 7, course_type: 'course' }, 3, () => document.body, tell))!
  const reports = () => shop.asked(REPORT).map(({ body }) => body)
  const plays = () => shop.asked(PLAY).map(({ body }) => body)
  const start = async () => {
    void player.start()
    await flushPromises()
  }
  /** Time passes while the player plays at some speed. */
  const pass = async (seconds: number, speed = 1) => {
    for (let i = 0; i < seconds; i += 1) {
      if (player.isPlaying.value && !polyv.last().isDestroyed) polyv.last().at += speed
      await vi.advanceTimersByTimeAsync(1000)
    }
    await flushPromises()
  }
  return { ...player, player, shop, polyv, tell, reports, plays, start, pass, vendor: () => polyv.last() }
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] })
  script = 'comes'
  localStorage.clear()
  vi.spyOn(document.head, 'append').mockImplementation((element) => {
    const one = element as HTMLScriptElement
    queueMicrotask(() => (script === 'comes' ? one.onload?.(new Event('load')) : one.onerror?.(new Event('error'))))
  })
  scope = effectScope()
})
afterEach(() => {
  scope.stop()
  vi.restoreAllMocks()
  vi.useRealTimers()
  delete window.polyvPlayer
})

describe('a player', () => {
  it('asks nobody before it is started', async () => {
    const { stage, plays } = play()
    await flushPromises()
    expect([stage.value, plays()]).toEqual(['idle', []])
  })

  it('opens with what the API gives, and hands its token over', async () => {
    const { stage, start, vendor, plays } = play()
    await start()
    expect(stage.value).toBe('starting')
    expect(vendor().options).toMatchObject({ vid: 'v', ts: '1', sign: 's', code: 'c', wrap: document.body })
    expect(await vendor().token()).toBe('token 1')
    vendor().tell('s2j_onPlayerInitOver')
    expect([stage.value, plays()]).toEqual(['open', [{}]])
  })

  it('goes on where the learner stopped, once the video is there', async () => {
    const { start, vendor } = play({ [PLAY]: () => given({ resume_at: 120 }) })
    await start()
    vendor().j2s_seekVideo.mockImplementationOnce(() => {}) // too early
    vendor().tell('s2j_onPlayerInitOver')
    expect(vendor().at).toBe(0)
    vendor().tell('s2j_onPlayStart')
    expect(vendor().at).toBe(120)
  })

  it.each([[597, 0], [594, 594]])('that was left at %i of 600 begins at %i', async (resume_at, at) => {
    const { start, vendor } = play({ [PLAY]: () => given({ resume_at }) })
    await start()
    vendor().begin()
    expect(vendor().at).toBe(at)
  })

  it('of a video that is shorter than where the learner stopped begins at its beginning', async () => {
    const { start, vendor } = play({ [PLAY]: () => given({ resume_at: 500 }) })
    await start()
    vendor().length = 59
    vendor().begin()
    expect(vendor().at).toBe(0)
  })

  it('is over at its end, and plays again from its beginning', async () => {
    const { stage, start, vendor, again } = play()
    await start()
    vendor().begin()
    vendor().tell('s2j_onPlayOver')
    expect(stage.value).toBe('over')
    again()
    expect(vendor().j2s_seekVideo).toHaveBeenLastCalledWith(0)
    vendor().tell('s2j_onVideoPlay')
    expect(stage.value).toBe('open')
  })

  it('is destroyed with its page', async () => {
    const { start, vendor } = play()
    await start()
    vendor().begin()
    scope.stop()
    expect(vendor().isDestroyed).toBe(true)
  })

  it('that the learner left meanwhile is never opened', async () => {
    const answer = later<unknown>()
    const { start, polyv } = play({ [PLAY]: () => answer.promise })
    await start()
    scope.stop()
    answer.answer(given())
    await flushPromises()
    expect(polyv.players).toEqual([])
  })
})

describe('a player stops', () => {
  it.each([
    [2001, 'no-section'],
    [2002, 'not-bought'],
    [2003, 'paused'],
    [2004, 'ended'],
    [2005, 'not-online'],
    [2006, 'not-ready'],
    [2007, 'unavailable'],
  ])('when %i says so: %s', async (code, why) => {
    const { stage, reason, problem, start, polyv, shop } = play({ [PLAY]: () => refused(code, '不行') })
    await start()
    expect([stage.value, reason.value, problem.value, polyv.players.length]).toEqual(['stopped', why, '不行', 0])
    shop.answers[PLAY] = () => given()
    await start()
    polyv.last().begin()
    expect(stage.value).toBe('open')
  })

  it('when the vendor’s script does not come', async () => {
    script = 'fails'
    const { stage, reason, start } = play({ [PLAY]: () => given({ player_url: 'https://player.test/none.js' }) })
    await start()
    expect([stage.value, reason.value]).toEqual(['stopped', 'unavailable'])
  })

  it('when it does not open in time, and tries again when it is told to', async () => {
    const { stage, reason, start, vendor, pass } = play()
    await start()
    await pass(20)
    expect([stage.value, reason.value]).toEqual(['stopped', 'unavailable'])
    await start()
    vendor().begin()
    await pass(30)
    expect(stage.value).toBe('open')
  })

  it.each(['s2j_onPlayerError', 'serverError'])('when it tells %s, and goes on there', async (event) => {
    const { stage, start, vendor, polyv, pass } = play()
    await start()
    vendor().begin()
    await pass(7)
    vendor().tell(event)
    expect([stage.value, vendor().isDestroyed]).toEqual(['stopped', true])
    await start()
    vendor().begin()
    expect([polyv.players.length, vendor().at]).toEqual([2, 7])
  })

  it('when another one took over, and goes on here when it is told to', async () => {
    const { stage, reason, start, vendor, shop, pass, plays } = play()
    await start()
    vendor().begin()
    shop.answers[REPORT] = () => refused(2008, '您已在其他页面或设备上播放')
    await pass(10)
    expect([stage.value, reason.value, vendor().isDestroyed]).toEqual(['stopped', 'elsewhere', true])
    shop.answers[REPORT] = () => counted()
    shop.answers[PLAY] = () => given({ ticket: 'T2' })
    await start()
    vendor().begin()
    expect([stage.value, vendor().at, plays()]).toEqual(['open', 10, [{}, {}]])
  })
})

describe('a token', () => {
  it('is renewed by its ticket before it is over', async () => {
    const { start, vendor, pass, plays, stage, shop } = play()
    await start()
    vendor().begin()
    await vendor().token()
    shop.answers[PLAY] = () => given({ token: 'token 2' })
    await pass(300)
    expect([plays(), stage.value]).toEqual([[{}, { ticket: 'T1' }], 'open'])
    expect(await vendor().token()).toBe('token 2')
    expect(plays()).toHaveLength(2)
    await vendor().token()
    expect(plays()).toHaveLength(3)
  })

  it.each([
    [2003, 'paused'],
    [2004, 'ended'],
    [2008, 'elsewhere'],
  ])('is refused by %i: the picture stops', async (code, why) => {
    const { start, vendor, pass, stage, reason, shop } = play({ [PLAY]: () => given({ renew_after: 5 }) })
    await start()
    vendor().begin()
    shop.answers[PLAY] = () => refused(code, '不行')
    await pass(5)
    expect([stage.value, reason.value, vendor().isDestroyed]).toEqual(['stopped', why, true])
  })

  it('that nobody answers for is asked for again, and the picture goes on', async () => {
    const { start, vendor, pass, stage, shop, plays } = play({ [PLAY]: () => given({ renew_after: 5 }) })
    await start()
    vendor().begin()
    shop.answers[PLAY] = () => refused(2007, '视频暂时无法播放')
    await pass(5)
    shop.answers[PLAY] = () => { throw new TypeError('network') }
    await pass(10)
    shop.answers[PLAY] = () => given()
    await pass(10)
    expect([stage.value, plays()]).toEqual(['open', [{}, ...Array(3).fill({ ticket: 'T1' })]])
  })

  it('whose ticket is over is got anew once, at the same second', async () => {
    const { start, vendor, pass, stage, shop, plays, polyv } = play()
    await start()
    vendor().begin()
    shop.answers[REPORT] = () => refused(2009, '播放已过期')
    shop.answers[PLAY] = () => given({ ticket: 'T2' })
    await pass(10)
    expect([plays(), polyv.players.length]).toEqual([[{}, {}], 2])
    vendor().begin()
    expect([stage.value, vendor().at]).toEqual(['open', 10])
    await pass(11)
    expect(stage.value).toBe('stopped')
  })
})

describe('what is played', () => {
  it('is reported as often as the API says', async () => {
    const { start, vendor, pass, reports, tell } = play()
    await start()
    vendor().begin()
    await pass(10)
    expect(reports()).toEqual([{ ticket: 'T1', spans: [[0, 10]], at: 10 }])
    await pass(12)
    expect(reports()[1]).toEqual({ ticket: 'T1', spans: [[10, 22]], at: 22 })
    expect(tell).toHaveBeenCalledTimes(2)
  })

  it('is reported at once when it pauses, and not while it stands', async () => {
    const { start, vendor, pass, reports } = play()
    await start()
    vendor().begin()
    await pass(4)
    vendor().pause()
    await pass(60)
    expect(reports()).toEqual([{ ticket: 'T1', spans: [[0, 4]], at: 4 }])
  })

  it('is not what was sought over', async () => {
    const { start, vendor, pass, reports, seekBy } = play()
    await start()
    vendor().begin()
    await pass(3)
    seekBy(100)
    await pass(7)
    expect(reports()).toEqual([{ ticket: 'T1', spans: [[0, 3], [103, 110]], at: 110 }])
  })

  it('counts as much at twice the speed', async () => {
    const { start, vendor, pass, reports } = play()
    await start()
    vendor().begin()
    await pass(10, 2)
    expect(reports()).toEqual([{ ticket: 'T1', spans: [[0, 20]], at: 20 }])
  })

  it('says nothing of a place where the player only waits to be played', async () => {
    const { start, vendor, pass, reports } = play({ [PLAY]: () => given({ resume_at: 50 }) })
    await start()
    vendor().j2s_seekVideo.mockImplementation(() => {})
    vendor().tell('s2j_onPlayerInitOver')
    await pass(60)
    window.dispatchEvent(new Event('pagehide'))
    await flushPromises()
    expect(reports()).toEqual([])
  })

  it('is sent again when nobody answered', async () => {
    const { start, vendor, pass, reports, shop } = play()
    await start()
    vendor().begin()
    shop.answers[REPORT] = () => { throw new TypeError('network') }
    await pass(20)
    expect(localStorage.getItem('study-unsent')).toContain('T1')
    shop.answers[REPORT] = () => counted()
    await pass(10)
    expect(reports().at(-1)).toEqual({ ticket: 'T1', spans: [[0, 30]], at: 30 })
    expect(localStorage.getItem('study-unsent')).toBeNull()
  })

  it('is sent when the page is left, with what has no answer yet', async () => {
    const { start, vendor, pass, reports, shop } = play()
    await start()
    vendor().begin()
    shop.answers[REPORT] = () => later().promise
    await pass(13)
    window.dispatchEvent(new Event('pagehide'))
    await flushPromises()
    expect(reports().at(-1)).toEqual({ ticket: 'T1', spans: [[0, 13]], at: 13 })
  })

  it('is sent when the learner goes on to another section, and when the page is hidden', async () => {
    const { start, vendor, pass, reports, tell } = play()
    await start()
    vendor().begin()
    await pass(4)
    vi.spyOn(document, 'visibilityState', 'get').mockReturnValue('hidden')
    document.dispatchEvent(new Event('visibilitychange'))
    await pass(3)
    scope.stop()
    await flushPromises()
    expect(reports().map((one) => (one as { at: number }).at)).toEqual([4, 7])
    expect(tell).toHaveBeenCalledTimes(2)
    expect(localStorage.getItem('study-unsent')).toBeNull()
  })

  it('is reported by the next page when this one could not, before a new player begins', async () => {
    localStorage.setItem('study-unsent', JSON.stringify({ ticket: 'T0', spans: [[0, 9]], at: 9 }))
    const { start, reports, plays, shop } = play()
    const order: string[] = []
    shop.answers[REPORT] = () => (order.push('report'), counted())
    shop.answers[PLAY] = () => (order.push('play'), given())
    await start()
    expect([reports(), plays(), order]).toEqual([[{ ticket: 'T0', spans: [[0, 9]], at: 9 }], [{}], ['report', 'play']])
    expect(localStorage.getItem('study-unsent')).toBeNull()
  })

  it('is nobody’s when a visitor plays a trial', async () => {
    const { start, vendor, pass, reports } = play({ [PLAY]: () => given({ ticket: null }) })
    await start()
    vendor().begin()
    await pass(60)
    expect(reports()).toEqual([])
  })
})

describe('a learner', () => {
  it('pauses, moves and silences it', async () => {
    const { start, vendor, toggle, seekBy, toggleSound, toggleFullscreen } = play()
    toggle() // nothing is there yet
    await start()
    vendor().begin()
    toggle()
    expect(vendor().j2s_pauseVideo).toHaveBeenCalledTimes(1)
    vendor().pause()
    toggle()
    expect(vendor().j2s_resumeVideo).toHaveBeenCalledTimes(1)
    seekBy(-5)
    expect(vendor().at).toBe(0)
    seekBy(900)
    expect(vendor().at).toBe(600)
    vendor().tell('s2j_volumeChange', 0.4)
    toggleSound()
    toggleSound()
    expect(vendor().j2s_setVolume.mock.calls).toEqual([[0], [0.4]])
    toggleFullscreen()
    expect(vendor().toggleFullscreen).toHaveBeenCalledTimes(1)
  })
})
