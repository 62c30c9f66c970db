import type { Locator } from '@playwright/test'

/** Move the slider's piece into the gap, in the picture's pixels, and let go: with the keys, as by hand. */
export async function slideTo(handle: Locator, gap: number): Promise<void> {
  for (let left = 0; left + 20 < gap; left += 40) await handle.press('PageUp')
  for (let left = Math.ceil((gap - 20) / 40) * 40; Math.abs(left - gap) > 2; left += left < gap ? 4 : -4) {
    await handle.press(left < gap ? 'ArrowRight' : 'ArrowLeft')
  }
  await handle.press('Enter')
}
