import { computed } from 'vue'
import { useRoute } from 'vue-router'

import { loadChapters, loadMine, type CourseKey } from '@/api/catalogue'
import { useLoad } from '@/composables/useLoad'
import { lockOf, openSection, sectionsOf } from '@/lib/study'
import { typeFrom } from '@/lib/links'
import { useSession } from '@/stores/session'

/** A course's sections with the one that is open, its neighbours, and why it may be locked. */
export function useLearn() {
  const route = useRoute()
  const session = useSession()

  // On the way to another page they stay as they were.
  const isHere = () => route.name === 'learn'
  const key = computed<CourseKey>((before) =>
    before && !isHere() ? before : { course_id: Number(route.params.id), course_type: typeFrom(route.query.type) },
  )
  const asked = computed<number | undefined>((before) => (isHere() ? Number(route.params.section) || undefined : before))

  /** The chapters, and what the learner has of the course. */
  const read = useLoad(
    () => ({ key: key.value, token: session.token }),
    async ({ key: one, token }, signal) => {
      const [contents, mine] = await Promise.all([loadChapters(one, signal), token ? loadMine(one, signal) : undefined])
      return { contents, mine }
    },
  )

  const contents = computed(() => read.data.value?.contents)
  const sections = computed(() => sectionsOf(contents.value?.chapters ?? []))
  const section = computed(() => openSection(sections.value, asked.value))
  const place = computed(() => sections.value.findIndex(({ id }) => id === section.value?.id))
  const lock = computed(() =>
    contents.value && section.value ? lockOf(section.value, contents.value.enrolled, read.data.value?.mine, session.isSignedIn) : undefined,
  )
  return {
    key,
    read,
    contents,
    mine: computed(() => read.data.value?.mine),
    section,
    isUnknown: computed(() => asked.value !== undefined && section.value?.id !== asked.value),
    previous: computed(() => sections.value[place.value - 1]),
    next: computed(() => sections.value[place.value + 1]),
    lock,
  }
}
