import { onScopeDispose } from 'vue'

import { Broken, Refused } from '@/api/errors'
import { reportStudy, type Reported, type StudyReport } from '@/api/study'
import { batchOf, inWholeSeconds, joined, playedBetween, type Span } from '@/lib/spans'
import { readStored, store } from '@/lib/storage'

const KEY = 'study-unsent'
const LOOK_MS = 1000
/** Seconds until the first report; the API says how long it is until the others. */
const FIRST_REPORT = 10

function isReport(value: unknown): value is StudyReport {
  const report = value as Partial<StudyReport> | null
  return typeof report?.ticket === 'string' && Array.isArray(report.spans) && typeof report.at === 'number'
}

/** Send what a page before could not, or has no answer to yet, under its own ticket: before a new player takes its place,
 * and before the learner is shown what they have studied.
 */
export async function sendUnsent(): Promise<void> {
  const report = readStored(KEY, isReport)
  if (!report) return
  try {
    await reportStudy(report)
  } catch (error) {
    if (error instanceof Broken) return
  }
  store(KEY, undefined)
}

/** Report what is played to the API: every few seconds, when the player stops, and when the page is left or hidden. What
 * was not answered is sent again, and kept in the browser until it was. `position` tells the player's second.
 */
export function useReports(position: () => number, told: { counted(answer: Reported): void; refused(error: Refused): void }) {
  let ticket: string | undefined
  let isPlaying = false
  let unsent: Span[] = []
  let sending: Span[] = []
  let isSending = false
  let wait = FIRST_REPORT
  /** Where the player was at the last look and in the last report, and when (in the page's milliseconds). */
  let seen = 0
  let seenAt = 0
  let toldAt = 0
  let reportedAt = 0
  let timer: ReturnType<typeof setInterval> | undefined

  /** Take down what was played since the last look. */
  function look(): void {
    const [now, at] = [position(), performance.now()]
    const span = isPlaying ? playedBetween(seen, now, (at - seenAt) / 1000) : undefined
    if (span) unsent = joined([...unsent, span])
    seen = now
    seenAt = at
  }

  async function report(): Promise<void> {
    look()
    const at = Math.round(seen)
    const { batch, rest } = batchOf(inWholeSeconds(unsent))
    if (!ticket || isSending || (!batch.length && at === toldAt)) return
    const mine = ticket
    isSending = true
    reportedAt = performance.now()
    ;[sending, unsent] = [batch, rest]
    try {
      const answer = await reportStudy({ ticket: mine, spans: batch, at })
      if (mine !== ticket) return
      sending = []
      toldAt = at
      wait = answer.next_report
      store(KEY, undefined)
      told.counted(answer)
    } catch (error) {
      if (mine !== ticket) return
      if (error instanceof Refused) {
        ticket = undefined // nothing more is taken under it
        store(KEY, undefined)
        told.refused(error)
      } else {
        unsent = joined([...sending, ...unsent])
        sending = []
        keep()
      }
    } finally {
      if (mine === ticket) isSending = false
    }
  }

  /** Everything that was not answered, whether it is on its way or not. */
  function unanswered(): StudyReport | undefined {
    const { batch } = batchOf(inWholeSeconds(joined([...sending, ...unsent])))
    return ticket && (batch.length || Math.round(seen) !== toldAt) ? { ticket, spans: batch, at: Math.round(seen) } : undefined
  }
  function keep(): void {
    const report = unanswered()
    if (report) store(KEY, report)
  }

  /** The page may not be there any more when the answer comes: what it would say is kept for the next one. */
  function leave(): void {
    look()
    const last = unanswered()
    if (!last) return
    keep()
    reportStudy(last, true).then(
      (answer) => {
        told.counted(answer)
        const kept = readStored(KEY, isReport)
        if (JSON.stringify(kept) === JSON.stringify(last)) store(KEY, undefined)
      },
      (error) => {
        if (!(error instanceof Broken)) store(KEY, undefined)
      },
    )
  }
  const hide = () => document.visibilityState === 'hidden' && leave()

  function tick(): void {
    look()
    if (performance.now() - reportedAt >= wait * 1000) void report()
  }

  /** A player begins at this second, under a ticket of its own. */
  function begin(given: string, from: number): void {
    stop()
    ticket = given
    wait = FIRST_REPORT
    seen = from
    toldAt = Math.round(from)
    isSending = false
    ;[unsent, sending] = [[], []]
    timer = setInterval(tick, LOOK_MS)
    reportedAt = performance.now()
    window.addEventListener('pagehide', leave)
    document.addEventListener('visibilitychange', hide)
    window.addEventListener('online', report)
  }
  function played(): void {
    seen = position()
    seenAt = performance.now()
    isPlaying = true
    if (seenAt - reportedAt >= wait * 1000) void report() // somebody may have taken the place over meanwhile
  }
  function paused(): void {
    look()
    isPlaying = false
    void report()
  }
  /** The player was moved: what lies between was not played. */
  function moved(): void {
    seen = position()
    seenAt = performance.now()
  }
  /** The player is no more, or may not go on: what was played is sent. */
  function stop(): void {
    leave()
    clearInterval(timer)
    timer = undefined
    window.removeEventListener('pagehide', leave)
    document.removeEventListener('visibilitychange', hide)
    window.removeEventListener('online', report)
    isPlaying = false
    ticket = undefined
  }
  onScopeDispose(stop)
  return { begin, played, paused, moved, stop }
}
