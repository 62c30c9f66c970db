import type { Chapter, MyCourse, Section } from '@/api/schema'

/** All sections of a course, in the order in which they are studied. */
export const sectionsOf = (chapters: Chapter[]): Section[] => chapters.flatMap(({ sections }) => sections)

/** The section that is asked for; else the one studied last; else the first that may be opened; else the first. */
export function openSection(sections: Section[], asked: number | undefined, last: number | null | undefined, enrolled: boolean): Section | undefined {
  const find = (sought: number | null | undefined) => sections.find(({ id }) => id === sought)
  return find(asked) ?? find(last) ?? sections.find(({ free_trail }) => enrolled || free_trail) ?? sections[0]
}

/** Whether a section is played here, rather than opened on a page of its own. */
export const isPlayedHere = ({ section_type, player }: Section): boolean => section_type === '视频' && player === 'POLYV'

/** Why a section cannot be opened: by a visitor, by somebody who has not bought the course, whose time is over, or who
 * waits for the decision on a refund. Undefined when it can be.
 */
export type Lock = 'visitor' | 'not-bought' | 'ended' | 'paused'

export function lockOf(section: Section, enrolled: boolean, mine: MyCourse | undefined, isSignedIn: boolean): Lock | undefined {
  if (enrolled || section.free_trail) return undefined
  if (mine?.paused) return 'paused'
  if (mine?.ended) return 'ended'
  return isSignedIn ? 'not-bought' : 'visitor'
}

/** The address of a text or an exercise; undefined for what is no address of the web. */
export function webAddress(link: string | undefined): string | undefined {
  return link && URL.canParse(link) && /^https?:$/.test(new URL(link).protocol) ? link : undefined
}

/** So near to its end a section is begun anew. */
const NEAR_END = 5

/** Where a section goes on (seconds) that was left there; `seconds` is its length, where it is known. */
export const beginAt = (left: number, seconds: number | null | undefined): number => (seconds && left >= seconds - NEAR_END ? 0 : left)

/** How far a section was studied: `share` in percent, null where its length is not known. */
export interface Mark {
  share: number | null
  done: boolean
  resume_at: number
}

/** `已学完`, `已学 42%`; empty for what was not begun. */
export function markText(mark: Pick<Mark, 'share' | 'done'> | undefined): string {
  if (mark?.done) return '已学完'
  return mark?.share ? `已学 ${mark.share}%` : ''
}

/** `2 小时 5 分钟`, `40 分钟`. */
export function minutesText(minutes: number): string {
  const [hours, left] = [Math.floor(minutes / 60), minutes % 60]
  return [hours ? `${hours} 小时` : '', left || !hours ? `${left} 分钟` : ''].filter(Boolean).join(' ')
}
