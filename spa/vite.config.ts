/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { ElementPlusResolver } from 'unplugin-vue-components/resolvers'
import Components from 'unplugin-vue-components/vite'
import { defineConfig } from 'vite'

/** The running `make run`, whose site also answers `/config.json` and the API. */
const shop = process.env.SHOP_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [
    vue(),
    // Only Element Plus is found by its tags; our own components are imported, so that a reader finds them. Unit tests do
    // without its styles: so Node.js can load it as it is, with nothing to transform.
    Components({ dirs: [], resolvers: [ElementPlusResolver({ importStyle: process.env.VITEST ? false : 'css' })], dts: 'src/components.d.ts' }),
  ],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: { target: 'es2022', manifest: true, assetsInlineLimit: 1024 },
  server: {
    port: 5173,
    proxy: Object.fromEntries(['/config.json', '/shop-api', '/api/', '/images', '^/texts/.*\\.md$'].map((path) => [path, { target: shop, changeOrigin: true }])),
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.spec.ts'],
    isolate: false, // a process and a DOM for each file cost four times the processor time
    setupFiles: ['src/testing/fresh.ts'],
    // With the same copy of vue as our own files have.
    server: { deps: { inline: ['vue-router', '@vue/test-utils'] } },
  },
})
