import { defineConfigWithVueTs, vueTsConfigs } from '@vue/eslint-config-typescript'
import vue from 'eslint-plugin-vue'

export default defineConfigWithVueTs(
  { ignores: ['dist/**', 'node_modules/**', 'src/api/schema.ts', 'src/components.d.ts', 'audit/**', 'test-results/**', 'playwright-report/**'] },
  vue.configs['flat/recommended'],
  vueTsConfigs.recommended,
  {
    rules: {
      // Layout is left to the writer; what a linter should find are faults.
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/multiline-html-element-content-newline': 'off',
      'vue/html-self-closing': ['error', { html: { void: 'any' } }],
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/first-attribute-linebreak': 'off',
      'vue/attributes-order': 'off',
      'vue/require-default-prop': 'off',
      'vue/multi-word-component-names': 'off',
      'vue/no-v-html': 'error',
      'no-console': ['error', { allow: ['warn', 'error'] }],
    },
  },
  {
    files: ['e2e/**'],
    rules: {
      // A test waits on what the page shows, never on time.
      'no-restricted-properties': ['error', ...['waitForTimeout', 'networkidle'].map((property) => ({ property }))],
      'no-restricted-syntax': ['error', { selector: "Literal[value='networkidle']", message: 'Wait on what the page shows.' }],
    },
  },
)
