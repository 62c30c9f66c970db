import { computed, ref, watch } from 'vue'
import { useRoute } from 'vue-router'

import { loadChapters, loadMine, type CourseKey } from '@/api/catalogue'
import { loadProgress, type Progress, type Reported } from '@/api/study'
import { useLoad } from '@/composables/useLoad'
import { sendUnsent } from '@/composables/useReports'
import { lockOf, openSection, sectionsOf, type Mark } from '@/lib/study'
import { typeFrom } from '@/lib/links'
import { useSession } from '@/stores/session'

/** How far the course was studied, when all that was played is told. */
async function studied(key: CourseKey, signal?: AbortSignal): Promise<Progress> {
  await sendUnsent()
  return loadProgress(key, signal)
}

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

  /** The chapters, what the learner has of the course, and how far they studied it: without the last, the page does. */
  const read = useLoad(
    () => ({ key: key.value, token: session.token }),
    async ({ key: one, token }, signal) => {
      const [contents, mine, progress] = await Promise.all([
        loadChapters(one, signal),
        token ? loadMine(one, signal) : undefined,
        token ? studied(one, signal).catch(() => undefined) : undefined,
      ])
      return { contents, mine, progress }
    },
  )

  const contents = computed(() => read.data.value?.contents)
  const sections = computed(() => sectionsOf(contents.value?.chapters ?? []))

  /** As it was read last, and as the reports since then were answered. */
  const progress = ref<Progress>()
  watch(read.data, (found) => (progress.value = found?.progress))
  const marks = computed(() => new Map<number, Mark>(progress.value?.sections.map((one) => [one.section_id, one])))

  /** The course's own share is the API's to count: it is asked again when a section is left or done. */
  async function refresh(): Promise<void> {
    if (!progress.value) return
    const asking = key.value
    const found = await studied(asking).catch(() => undefined)
    if (found && asking === key.value) progress.value = found
  }
  function counted(section_id: number, { share, done }: Reported): void {
    const mark = progress.value?.sections.find((one) => one.section_id === section_id)
    if (!mark) return
    const isNew = done && !mark.done
    Object.assign(mark, { share, done })
    if (isNew) void refresh()
  }

  const section = computed(() => openSection(sections.value, asked.value, read.data.value?.progress?.last_section_id, contents.value?.enrolled ?? false))
  watch(() => section.value?.id, (_, before) => before && void refresh())
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
    progress: computed(() => progress.value),
    marks,
    counted,
  }
}
