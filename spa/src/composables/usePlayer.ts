import { computed, onScopeDispose, ref, shallowRef } from 'vue'

import type { CourseKey } from '@/api/catalogue'
import { RefusalCode } from '@/api/codes'
import { Broken, messageOf, Refused } from '@/api/errors'
import { playSection, type Playing, type Reported } from '@/api/study'
import { announce } from '@/composables/announce'
import { sendUnsent, useReports } from '@/composables/useReports'
import { loadPolyv, openPolyv, type Player } from '@/lib/polyv'
import { beginAt } from '@/lib/study'

/** `idle`: nothing is asked yet; `starting`: the API is asked, the player opens; `open`: the player is there; `over`: it
 * has played to the end; `stopped`: it may not, or cannot, go on.
 */
export type PlayStage = 'idle' | 'starting' | 'open' | 'over' | 'stopped'

/** Why a player stopped: what the API refused, or no answer that is understood. */
export type StopReason = 'no-section' | 'not-bought' | 'paused' | 'ended' | 'not-online' | 'not-ready' | 'elsewhere' | 'offline' | 'unavailable'

const REASONS: Partial<Record<number, StopReason>> = {
  [RefusalCode.SectionNotFound]: 'no-section',
  [RefusalCode.NotEnrolled]: 'not-bought',
  [RefusalCode.AccessPaused]: 'paused',
  [RefusalCode.AccessEnded]: 'ended',
  [RefusalCode.SectionOffline]: 'not-online',
  [RefusalCode.VideoNotReady]: 'not-ready',
  [RefusalCode.PlaceTaken]: 'elsewhere',
}

/** Seconds until a renewal is tried again that got no answer: the token is good for as long again as has passed. */
const RETRY_SECONDS = 10
/** A player opens once by itself when its ticket is over, and not again within a minute. */
const ANEW_MS = 60_000
/** How long a player may take to open. */
const OPEN_MS = 20_000
/** The volume of the vendor's player before anybody chose one. */
const USUAL_VOLUME = 0.75

/** Play a video of a course in `wrap`: get what the player needs, renew its token while it plays, report what is played,
 * and stop when the API says so. Whoever was stopped goes on where they were.
 */
export function usePlayer(key: CourseKey, section: number, wrap: () => HTMLElement | undefined, counted: (answer: Reported) => void) {
  const stage = ref<PlayStage>('idle')
  const reason = ref<StopReason>()
  /** The API's own words of why it stopped. */
  const problem = ref('')
  const isPlaying = ref(false)
  const player = shallowRef<Player>()

  let given: Playing | undefined
  /** Whether its token was not handed to the player yet. */
  let isFresh = false
  /** Counts the players: what concerns one before concerns nobody any more. */
  let turn = 0
  let renewal: ReturnType<typeof setTimeout> | undefined
  let opening: ReturnType<typeof setTimeout> | undefined
  let lastAnew = -ANEW_MS
  /** Where the learner is (seconds); undefined before anything was opened. */
  let place: number | undefined
  /** Whether the player shows where the learner is: before it plays it may not be there yet. */
  let isThere = false
  let volume = USUAL_VOLUME
  /** How loud it was before it was silent. */
  let loud = USUAL_VOLUME

  function look(): number {
    if (isThere && player.value) place = player.value.position()
    return place ?? 0
  }
  const reports = useReports(look, { counted, refused: halt })

  function close(): void {
    turn += 1
    clearTimeout(renewal)
    clearTimeout(opening)
    reports.stop()
    if (player.value) look()
    player.value?.destroy()
    player.value = undefined
    isThere = false
    isPlaying.value = false
  }

  function stop(why: StopReason, text: string): void {
    close()
    stage.value = 'stopped'
    reason.value = why
    problem.value = text
    announce(text)
  }
  /** The API refused, or nobody answered. */
  function halt(error: unknown): void {
    if (error instanceof Refused && error.code === RefusalCode.TicketOver && performance.now() - lastAnew >= ANEW_MS) {
      lastAnew = performance.now()
      return void start()
    }
    const isOffline = error instanceof Broken && error.kind === 'offline'
    stop((error instanceof Refused && REASONS[error.code]) || (isOffline ? 'offline' : 'unavailable'), messageOf(error))
  }

  /** Open a new player, which takes over from whatever plays elsewhere, where the learner was. */
  async function start(): Promise<void> {
    if (stage.value === 'starting') return
    close()
    const mine = turn
    stage.value = 'starting'
    reason.value = undefined
    try {
      await sendUnsent()
      const answer = await playSection(key, section)
      if (mine !== turn) return
      await loadPolyv(answer.player_url ?? '').catch(() => {
        throw new Broken('player')
      })
      if (mine === turn) open(answer, mine)
    } catch (error) {
      if (mine === turn) halt(error)
    }
  }

  function open(answer: Playing, mine: number): void {
    const { vid, ts, sign, code, ticket, renew_after } = answer
    const room = wrap()
    if (!room) return
    given = answer
    isFresh = true
    place = beginAt(place ?? answer.resume_at, answer.seconds)
    if (ticket) reports.begin(ticket, place)
    renewIn(renew_after, mine)
    opening = setTimeout(() => halt(new Broken('player')), OPEN_MS)
    const mineOnly = (then: () => void) => () => mine === turn && then()
    player.value = openPolyv(room, { vid: vid ?? '', ts: ts ?? '', sign: sign ?? '', code: code ?? '' }, place, () => token(mine), {
      ready: mineOnly(opened),
      played: mineOnly(() => {
        opened()
        isThere = true
        isPlaying.value = true
        reports.played()
      }),
      paused: mineOnly(() => {
        isPlaying.value = false
        reports.paused()
      }),
      moved: mineOnly(reports.moved),
      over: mineOnly(() => {
        isPlaying.value = false
        reports.paused()
        stage.value = 'over'
        announce('这一节播完了')
      }),
      failed: mineOnly(() => stop('unavailable', '视频播放出错了，请稍后再试')),
      volume: (is) => (volume = is),
    })
  }
  function opened(): void {
    clearTimeout(opening)
    stage.value = 'open'
  }

  /** A play token, whenever the player wants one: the first is there already. */
  async function token(mine: number): Promise<string | undefined> {
    if (!isFresh) await renew(mine)
    isFresh = false
    return mine === turn ? (given?.token ?? undefined) : undefined
  }
  function renewIn(seconds: number | null, mine: number): void {
    clearTimeout(renewal)
    if (seconds !== null) renewal = setTimeout(() => void renew(mine), seconds * 1000)
  }
  async function renew(mine: number): Promise<void> {
    try {
      const answer = await playSection(key, section, given?.ticket)
      if (mine !== turn) return
      given = answer
      isFresh = true
      renewIn(answer.renew_after, mine)
    } catch (error) {
      if (mine !== turn) return
      if (error instanceof Refused && error.code !== RefusalCode.VideoUnavailable) halt(error)
      else renewIn(RETRY_SECONDS, mine)
    }
  }

  /** What the learner does with an open player; nothing while there is none. */
  const toggle = () => (isPlaying.value ? player.value?.pause() : player.value?.play())
  const toggleFullscreen = () => player.value?.toggleFullscreen()
  function seekBy(seconds: number): void {
    const now = player.value
    now?.seek(Math.max(0, Math.min(now.position() + seconds, now.duration() || Infinity)))
  }
  function toggleSound(): void {
    if (volume > 0) loud = volume
    volume = volume > 0 ? 0 : loud
    player.value?.setVolume(volume)
  }
  /** Play what is over from its beginning. */
  function again(): void {
    player.value?.seek(0)
    player.value?.play()
  }

  onScopeDispose(close)
  return {
    stage: computed(() => stage.value),
    reason: computed(() => reason.value),
    problem: computed(() => problem.value),
    isPlaying: computed(() => isPlaying.value),
    isOpen: computed(() => player.value !== undefined && (stage.value === 'open' || stage.value === 'over')),
    start,
    again,
    toggle,
    toggleFullscreen,
    toggleSound,
    seekBy,
  }
}
