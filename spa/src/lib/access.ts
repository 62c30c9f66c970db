import type { OwnedCourse } from '@/api/schema'
import { FOR_EVER, lastDayText } from '@/lib/time'

/** Days before the end from which on a course is said to end soon. */
const SOON = 7

export type AccessState = 'paused' | 'ended' | 'soon' | 'open'

/** How it stands with a course that one has. */
export function accessState({ paused, ended, days_left }: Pick<OwnedCourse, 'paused' | 'ended' | 'days_left'>): AccessState {
  if (paused) return 'paused'
  if (ended) return 'ended'
  return days_left !== null && days_left <= SOON ? 'soon' : 'open'
}

/** `永久有效`, `2026年12月4日到期，还剩不到 8 天`, `2026年11月27日已到期`. `days_left` are whole days: 13 on the day that two weeks begin. */
export function accessText(course: Pick<OwnedCourse, 'end_date' | 'paused' | 'ended' | 'days_left'>): string {
  if (course.end_date === FOR_EVER) return '永久有效'
  const day = lastDayText(course.end_date)
  const state = accessState(course)
  if (state === 'ended') return `${day}已到期`
  if (state === 'paused' || course.days_left === null) return `${day}到期`
  return `${day}到期，还剩不到 ${course.days_left + 1} 天`
}

/** Those that end first before the others; those for ever last. */
export const sortByEnd = <C extends Pick<OwnedCourse, 'end_date'>>(courses: C[]): C[] =>
  [...courses].sort((one, other) => Number(one.end_date === FOR_EVER) - Number(other.end_date === FOR_EVER) || one.end_date.localeCompare(other.end_date))
