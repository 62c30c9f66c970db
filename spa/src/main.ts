import '@/styles/theme.css'
import '@/styles/base.css'

import { createPinia } from 'pinia'
import { createApp } from 'vue'

import { openApi } from '@/api/client'
import App from '@/App.vue'
import { shadesOf } from '@/lib/colours'
import { makeRouter } from '@/router'
import { readConfig, useConfig, type Config } from '@/stores/config'
import { useSession } from '@/stores/session'

/** The school's colour and logo, in the browser's own frame too. */
function applySchool({ colours, school }: Config): void {
  const shades = colours?.primary ? shadesOf(colours.primary) : {}
  if (!shades) console.warn(`colours.primary ${colours?.primary} of /config.json is too light to read text on; the usual one is used`)
  for (const [name, value] of Object.entries(shades ?? {})) document.documentElement.style.setProperty(name, value)
  const shade = shades?.['--el-color-primary']
  if (shade) document.querySelector('meta[name="theme-color"]')?.setAttribute('content', shade)
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
  if (icon && school.logo) {
    icon.removeAttribute('type') // it may be no SVG
    icon.href = school.logo
  }
}

async function start(): Promise<void> {
  const app = createApp(App)
  app.use(createPinia())
  const { config } = useConfig()
  Object.assign(config, await readConfig())
  applySchool(config)
  const session = useSession()
  openApi(config.api.address, { token: () => session.token, ended: session.endedByServer })
  void session.refresh()
  app.use(makeRouter(config.school.name))
  app.mount('#app')
}

start().catch((error: unknown) => {
  console.error(error)
  const page = document.querySelector('#app')
  if (page) page.innerHTML = '<main class="failed-start"><h1>页面没有打开</h1><p>暂时连接不上学校的服务器。请检查网络，然后<a href="">重新打开</a>。</p></main>'
})
