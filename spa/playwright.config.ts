// The shop front in a real Chromium against a really running shop: `make front-e2e`, which opens one and tells its addresses
// in the environment (tests/browser/shop.py lists them).
import { defineConfig } from '@playwright/test'

const shop = process.env.SHOP_URL
if (!shop) throw new Error('SHOP_URL should name a running shop: `make front-e2e` starts one')

/** `make audit` reads every state of every page with axe instead: too much for each run of `make test`. */
const isAudit = Boolean(process.env.AUDIT)
const desktop = { viewport: { width: 1280, height: 800 } }
const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }

export default defineConfig({
  testDir: 'e2e',
  fullyParallel: true,
  workers: 4, // on two cores: one or another waits
  forbidOnly: true,
  reporter: [['list'], ['html', { open: 'never' }]],
  timeout: 60_000,
  expect: { timeout: 20_000 },
  use: {
    baseURL: shop,
    locale: 'zh-CN',
    timezoneId: 'Asia/Shanghai',
    contextOptions: { reducedMotion: 'reduce' },
    trace: 'off', // it is dear to take: `--trace on` takes it of one test
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROME_PATH || undefined,
      args: ['--no-sandbox', '--disable-gpu'],
    },
  },
  projects: isAudit
    ? [
        { name: 'desktop', use: desktop, grep: /@audit/ },
        { name: 'phone', use: phone, grep: /@audit/ },
      ]
    : [
        { name: 'desktop', use: desktop, grepInvert: /@phone|@audit/ },
        { name: 'phone', use: phone, grep: /@phone|@both/ },
      ],
})
