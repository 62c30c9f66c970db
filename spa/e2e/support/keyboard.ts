import { expect, type Locator, type Page } from '@playwright/test'

/** Enough for the longest page, from end to end. */
const MOST_STEPS = 150

/** What a stop of the Tab key looks like: whether it is the control that is looked for, and what is wrong with how it shows. */
interface Stop {
  isThere: boolean
  trouble: string
}

/** In the page: the element with the focus should have a ring around it, or around what stands for it, and not lie hidden. */
async function stopAt(control: Element): Promise<Stop> {
  let root: DocumentOrShadowRoot = document
  while (root.activeElement?.shadowRoot?.activeElement) root = root.activeElement.shadowRoot
  const focused = root.activeElement
  if (!focused || focused === document.body) return { isThere: false, trouble: '' }
  const isThere = focused === control
  const name = `<${focused.tagName.toLowerCase()}> ${focused.getAttribute('aria-label') ?? focused.closest('label')?.textContent ?? focused.textContent ?? ''}`.trim().slice(0, 60)

  await Promise.allSettled(focused.getAnimations().map(({ finished }) => finished))
  const ringed = [focused, focused.parentElement, focused.parentElement?.parentElement].find((one) => {
    if (!one) return false
    const { outlineStyle, outlineWidth } = getComputedStyle(one)
    const { width, height } = one.getBoundingClientRect()
    return outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1 && width >= 8 && height >= 8
  })
  if (!ringed) return { isThere, trouble: `${name}: no ring` }

  const { left, top, width, height } = ringed.getBoundingClientRect()
  const shares = [0.1, 0.5, 0.9]
  const isSeen = shares.some((x) =>
    shares.some((y) => {
      const hits = root.elementsFromPoint(left + width * x, top + height * y)
      // A notice comes and goes by itself.
      return ringed.contains(hits.find((one) => !one.closest('.toasts')) ?? null)
    }),
  )
  return { isThere, trouble: isSeen ? '' : `${name}: hidden` }
}

/** Somebody who has only a keyboard. Each stop on the way to a control has to show that it has the focus. */
export class Keyboard {
  constructor(private readonly page: Page) {}

  /** Go to a control with Tab, or backwards with Shift+Tab. */
  async reach(control: Locator, key: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
    const troubles: string[] = []
    for (let steps = 0; steps <= MOST_STEPS; steps += 1) {
      const { isThere, trouble } = await control.evaluate(stopAt)
      // Where the page itself has put the focus, at the beginning of its content, is no stop.
      if (trouble && (isThere || steps > 0)) troubles.push(trouble)
      if (isThere) {
        expect.soft(troubles, 'stops of the Tab key').toEqual([])
        return
      }
      await this.page.keyboard.press(key)
    }
    throw new Error(`${key} does not lead to ${control}`)
  }

  /** Go to a control and press a key there. */
  async press(control: Locator, key = 'Enter', way: 'Tab' | 'Shift+Tab' = 'Tab'): Promise<void> {
    await this.reach(control, way)
    await this.page.keyboard.press(key)
  }

  async type(control: Locator, text: string): Promise<void> {
    await this.reach(control)
    await this.page.keyboard.insertText(text)
  }

  /** Go to a group of radios, which is one stop, and to one of them with the arrows. */
  async choose(radio: Locator, group: Locator): Promise<void> {
    await this.reach(group.locator('input:checked').or(group.locator('input').first()).first())
    for (let steps = 0; !(await radio.isChecked()); steps += 1) {
      if (steps > 20) throw new Error(`the arrows do not lead to ${radio}`)
      await this.page.keyboard.press('ArrowDown')
    }
    await expect(radio).toBeFocused()
  }
}
