import type { Page } from '@playwright/test'

/** Where a course is studied. */
export class LearningPage {
  constructor(readonly page: Page) {}

  async open(course: { course_id: number }, section?: number) {
    await this.page.goto(`/learn/${course.course_id}${section ? `/${section}` : ''}`)
  }

  get heading() {
    return this.page.getByRole('heading', { level: 1 })
  }
  /** What begins to play; it says from where. */
  get begin() {
    return this.page.getByRole('button', { name: /开始播放|继续播放/ })
  }
  get player() {
    return this.page.getByRole('group', { name: /^播放器/ })
  }
  get speed() {
    return this.player.getByRole('combobox', { name: '倍速' })
  }
  get next() {
    return this.page.getByRole('navigation', { name: '前后小节' }).getByRole('link', { name: /^下一节/ })
  }
  get takenOver() {
    return this.page.getByRole('main').getByText('您已在其他页面或设备上播放')
  }
  get goOnHere() {
    return this.page.getByRole('button', { name: '在这里继续' })
  }
  get again() {
    return this.page.getByRole('button', { name: '再试一次' })
  }
  /** What unfolds a chapter. */
  chapter(name: string) {
    return this.page.getByRole('complementary').getByRole('heading', { name: new RegExp(name) })
  }
  /** A section in the list beside the player. */
  section(name: string) {
    return this.page.getByRole('complementary').getByRole('link', { name: new RegExp(name) })
  }

  /** Where the video is, in seconds; -1 while there is none. */
  readonly second = () => this.player.locator('video').evaluateAll(([video]) => (video instanceof HTMLVideoElement ? video.currentTime : -1))
  /** Whether the picture moves. */
  readonly isMoving = () => this.player.locator('video').evaluateAll(([video]) => video instanceof HTMLVideoElement && !video.paused)
  readonly isSilent = () => this.player.locator('video').evaluateAll(([video]) => video instanceof HTMLVideoElement && (video.muted || video.volume === 0))
}
