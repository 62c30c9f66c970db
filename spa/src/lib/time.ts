/** The API's `YYYY-MM-DD HH:MM:SS` is Beijing time, wherever the learner is. */
export const toDate = (beijing: string): Date => new Date(`${beijing.replace(' ', 'T')}+08:00`)

export const FOR_EVER = '永久'

const DAY = 24 * 3600 * 1000

/** `2026年11月28日`, as the text already says in Beijing time. */
export function dayText(beijing: string): string {
  const [year, month, day] = beijing.slice(0, 10).split('-').map(Number)
  return `${year}年${month}月${day}日`
}

/** `2026-11-28 09:30`. */
export const minuteText = (beijing: string): string => beijing.slice(0, 16)

/** The last day on which something that ends at `beijing`, exclusive, is still good. */
export function lastDayText(beijing: string): string {
  if (!beijing.endsWith('00:00:00')) return dayText(beijing)
  const last = new Date(toDate(beijing).getTime() - 1000 + 8 * 3600 * 1000)
  return dayText(last.toISOString())
}

/** 学到 2026年11月28日, or 永久有效. */
export const untilText = (end: string): string => (end === FOR_EVER ? '永久有效' : `学到 ${dayText(end)}`)

/** Whole days from now until `beijing`; negative when it is over. */
export const daysUntil = (beijing: string, now = Date.now()): number => Math.floor((toDate(beijing).getTime() - now) / DAY)

/** `27:05` of seconds; `1:27:05` from an hour on. */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds))
  const two = (n: number) => String(n).padStart(2, '0')
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)]
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${two(minutes)}:${two(whole % 60)}`
}
