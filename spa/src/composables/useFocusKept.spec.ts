import { mount } from '@vue/test-utils'
import { afterEach, describe, expect, it } from 'vitest'
import { defineComponent, nextTick, ref } from 'vue'

import { useFocusKept } from './useFocusKept'

const Part = defineComponent({
  props: { open: Boolean },
  setup(props) {
    const root = ref<HTMLElement>()
    useFocusKept(root, () => props.open)
    return { root }
  },
  template: '<div ref="root" class="part" tabindex="-1"><button v-if="open" class="gone">取消</button></div>',
})

afterEach(() => (document.body.innerHTML = ''))

describe('the focus', () => {
  it('stays in the part whose button has vanished', async () => {
    const page = mount(Part, { props: { open: true }, attachTo: document.body })
    page.get<HTMLElement>('.gone').element.focus()
    await page.setProps({ open: false })
    await nextTick()
    expect(document.activeElement?.className).toBe('part')
  })

  it('is not taken from elsewhere', async () => {
    const page = mount(Part, { props: { open: true }, attachTo: document.body })
    await page.setProps({ open: false })
    await nextTick()
    expect(document.activeElement).toBe(document.body)
  })
})
