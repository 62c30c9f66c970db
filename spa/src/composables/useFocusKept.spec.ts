import { mount } from '@vue/test-utils'
import { afterEach, describe, expect, it } from 'vitest'
import { defineComponent, nextTick, ref } from 'vue'

import { useFocusKept } from './useFocusKept'

const Part = defineComponent({
  props: { open: Boolean },
  setup(props) {
    const root = ref<HTMLElement>()
    const regain = useFocusKept(root, () => props.open)
    return { root, regain }
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

  it('comes back from a dialog that is closed, and not from one that is open', () => {
    const page = mount(Part, { attachTo: document.body })
    const dialog = document.body.appendChild(document.createElement('div'))
    dialog.innerHTML = '<button>完成</button>'
    dialog.querySelector('button')?.focus()
    page.vm.regain()
    expect(document.activeElement?.textContent).toBe('完成')
    dialog.style.display = 'none'
    page.vm.regain()
    expect(document.activeElement?.className).toBe('part')
  })

  it('is not taken from elsewhere', async () => {
    const page = mount(Part, { props: { open: true }, attachTo: document.body })
    await page.setProps({ open: false })
    await nextTick()
    expect(document.activeElement).toBe(document.body)
  })
})
