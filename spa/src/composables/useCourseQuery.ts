import { computed } from 'vue'
import { useRoute, type LocationQuery, type LocationQueryRaw, type RouteLocationRaw } from 'vue-router'

import type { CourseSearch } from '@/api/catalogue'
import type { Level } from '@/api/schema'

export const LEVELS: Level[] = ['初级', '中级', '高级']
export const SORTS: { sort: CourseSearch['sort']; text: string }[] = [
  { sort: 'order', text: '综合排序' },
  { sort: 'newest', text: '最新上架' },
  { sort: 'price', text: '价格从低到高' },
  { sort: '-price', text: '价格从高到低' },
]
const MOST_WORDS = 100

/** Everything on show, in the shop's order. */
export const NOTHING_CHOSEN: CourseSearch = { words: '', type: 'all', sort: 'order', page: 1 }

const textOf = (query: LocationQuery, name: string): string => {
  const value = query[name]
  return typeof value === 'string' ? value : ''
}
const idOf = (text: string): number | undefined => (/^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined)

/** What an address asks for; what it says wrongly is as if it were not there. */
export function parseCourseQuery(query: LocationQuery): CourseSearch {
  const free = textOf(query, 'free')
  const type = textOf(query, 'type')
  const page = idOf(textOf(query, 'page')) ?? 1
  return {
    words: textOf(query, 'words').trim().slice(0, MOST_WORDS),
    category: idOf(textOf(query, 'category')),
    level: LEVELS.find((level) => level === query.level),
    free: free === '1' ? true : free === '0' ? false : undefined,
    type: type === 'course' || type === 'degree_course' ? type : 'all',
    sort: SORTS.find(({ sort }) => sort === query.sort)?.sort ?? 'order',
    page: page <= 10_000 ? page : 1,
  }
}

/** The address of a search, without what goes without saying. */
export function courseQueryOf({ words, category, level, free, type, sort, page }: CourseSearch): LocationQueryRaw {
  return {
    ...(words ? { words } : {}),
    ...(category ? { category: String(category) } : {}),
    ...(level ? { level } : {}),
    ...(free === undefined ? {} : { free: free ? '1' : '0' }),
    ...(type === 'all' ? {} : { type }),
    ...(sort === 'order' ? {} : { sort }),
    ...(page > 1 ? { page: String(page) } : {}),
  }
}

/** The search that the page's address holds, and the addresses of others. */
export function useCourseQuery() {
  const route = useRoute()
  // On the way to another page it stays as it was.
  const asked = computed<CourseSearch>((before) => (before && route.name !== 'courses' ? before : parseCourseQuery(route.query)))

  /** The address of this search with something else chosen: from its first page on, unless a page is chosen. */
  const linkTo = (change: Partial<CourseSearch>): RouteLocationRaw => ({
    name: 'courses',
    query: courseQueryOf({ ...asked.value, page: 1, ...change }),
  })
  return { asked, linkTo }
}
