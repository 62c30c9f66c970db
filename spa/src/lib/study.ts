import type { Chapter, MyCourse, Section } from '@/api/schema'

/** All sections of a course, in the order in which they are studied. */
export const sectionsOf = (chapters: Chapter[]): Section[] => chapters.flatMap(({ sections }) => sections)

/** The section that is asked for; else the first that can be opened; else the first. */
export const openSection = (sections: Section[], asked: number | undefined): Section | undefined =>
  sections.find(({ id }) => id === asked) ?? sections.find(({ section_link }) => section_link !== undefined) ?? sections[0]

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
