import { defineStore } from 'pinia'
import { reactive } from 'vue'

/** `/config.json`: what differs from school to school, and from place to place. */
export interface Config {
  api: { address: string }
  captcha: { state: 'on' | 'off'; version: '3' | '4'; script: string }
  school: {
    name: string
    slogan?: string
    logo?: string
    contact?: { phone?: string; mail?: string; hours?: string }
    icp?: string
    police?: { text: string; link?: string }
    licence?: string
  }
  colours?: { primary?: string }
  /** The page of the API; on a developer's computer only. */
  apiPage?: string | null
  /** The script that gives any browser the bridge of WeChat's own; on a developer's computer only. */
  wechatBridge?: string | null
}

/** Read `/config.json`. Throws when it is not there, or lacks what nothing goes without. */
export async function readConfig(): Promise<Config> {
  const answer = await fetch('/config.json', { cache: 'no-store' })
  if (!answer.ok) throw new Error(`/config.json: ${answer.status}`)
  const config = (await answer.json()) as Config
  if (typeof config.api?.address !== 'string' || typeof config.school?.name !== 'string' || !config.captcha?.state) {
    throw new Error('/config.json has no api.address, no school.name or no captcha.state')
  }
  return config
}

/** The configuration, filled in before the application is mounted. */
export const useConfig = defineStore('config', () => {
  const config = reactive({} as Config)
  return { config }
})
