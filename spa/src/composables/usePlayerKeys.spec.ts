import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { computed, defineComponent, ref } from 'vue'

import { usePlayerKeys } from './usePlayerKeys'

const isOpen = ref(true)
const player = { isOpen: computed(() => isOpen.value), toggle: vi.fn(), seekBy: vi.fn(), toggleFullscreen: vi.fn(), toggleSound: vi.fn() }
const page = () =>
  mount(
    defineComponent({
      setup: () => usePlayerKeys(player),
      template: `<p></p><input><textarea></textarea><select></select><button><i></i></button><a href="#">a</a><div contenteditable="true"><b></b></div><div role="slider"></div>`,
    }),
    { attachTo: document.body },
  )
let made: ReturnType<typeof page>

/** Press a key there; -> whether the page took it. */
function press(key: string, on = 'p', more: KeyboardEventInit = {}): boolean {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more })
  made.find(on).element.dispatchEvent(event)
  return event.defaultPrevented
}
const did = () => [player.toggle, player.seekBy, player.toggleFullscreen, player.toggleSound].map(({ mock }) => mock.calls.length)

beforeEach(() => {
  isOpen.value = true
  vi.clearAllMocks()
  made = page()
})
afterEach(() => made.unmount())

describe('keys of the player', () => {
  it('play, move, enlarge and silence it', () => {
    for (const key of [' ', 'ArrowLeft', 'ArrowRight', 'f', 'F', 'm']) expect(press(key)).toBe(true)
    expect(did()).toEqual([1, 2, 2, 1])
    expect(player.seekBy.mock.calls).toEqual([[-5], [5]])
  })

  it.each(['input', 'textarea', 'select', 'b', '[role="slider"]'])('are not taken from %s', (where) => {
    for (const key of [' ', 'ArrowLeft', 'f', 'm']) expect(press(key, where)).toBe(false)
    expect(did()).toEqual([0, 0, 0, 0])
  })

  it.each(['button', 'i', 'a'])('leave the space bar to %s, which it presses', (where) => {
    expect([press(' ', where), press('f', where)]).toEqual([false, true])
    expect(did()).toEqual([0, 0, 1, 0])
  })

  it.each([{ ctrlKey: true }, { metaKey: true }, { altKey: true }, { isComposing: true }])('leave %j to the browser', (more) => expect(press('f', 'p', more)).toBe(false))

  it('leave all other keys alone, and all when nothing plays', () => {
    expect([press('ArrowDown'), press('Tab'), press('x')]).toEqual([false, false, false])
    isOpen.value = false
    expect([press(' '), press('ArrowLeft')]).toEqual([false, false])
  })

  it('that are held move on, and switch once', () => {
    for (const key of ['ArrowRight', 'm']) for (let i = 0; i < 3; i += 1) press(key, 'p', { repeat: i > 0 })
    expect(did()).toEqual([0, 3, 0, 1])
  })

  it('end with their page', () => {
    made.unmount()
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'f', bubbles: true }))
    expect(did()).toEqual([0, 0, 0, 0])
    made = page()
  })
})
