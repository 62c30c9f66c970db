import { readdirSync, readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import { parseMarkdown, textOf, type Block } from './markdown'

const plain = (text: string) => [{ kind: 'text', text }]

test('headings, paragraphs and lists', () => {
  const text = '# 标题\n\n第一段，\n接着写。\n\n## 小节\n- 一\n- 二\n1. 甲\n2. 乙\n\n末段'
  expect(parseMarkdown(text)).toEqual([
    { kind: 'h1', inlines: plain('标题') },
    { kind: 'p', inlines: plain('第一段，接着写。') },
    { kind: 'h2', inlines: plain('小节') },
    { kind: 'ul', items: [plain('一'), plain('二')] },
    { kind: 'ol', items: [plain('甲'), plain('乙')] },
    { kind: 'p', inlines: plain('末段') },
  ])
})

test('notes stand apart from the paragraphs beside them', () => {
  expect(parseMarkdown('之前\n> 提示一，\n> 接着\n>\n> 提示二\n之后')).toEqual([
    { kind: 'p', inlines: plain('之前') },
    { kind: 'note', inlines: plain('提示一，接着') },
    { kind: 'note', inlines: plain('提示二') },
    { kind: 'p', inlines: plain('之后') },
  ])
})

test('strong words and links', () => {
  expect(parseMarkdown('见**重要**的[须知](/texts/refunds)和[信箱](mailto:a@b.example)')).toEqual([
    {
      kind: 'p',
      inlines: [
        { kind: 'text', text: '见' },
        { kind: 'strong', text: '重要' },
        { kind: 'text', text: '的' },
        { kind: 'link', text: '须知', href: '/texts/refunds' },
        { kind: 'text', text: '和' },
        { kind: 'link', text: '信箱', href: 'mailto:a@b.example' },
      ],
    },
  ])
})

test.each(['[点我](javascript:alert(1))', '[点我](data:text/html,x)', '<script>alert(1)</script>', '*不成对**'])('%s is text', (text) => {
  expect(parseMarkdown(text)).toEqual([{ kind: 'p', inlines: plain(text) }])
})

test("lines of Windows' making, and a text without any", () => {
  expect(parseMarkdown('# 标题\r\n\r\n正文\r\n')).toEqual([
    { kind: 'h1', inlines: plain('标题') },
    { kind: 'p', inlines: plain('正文') },
  ])
  expect(parseMarkdown('')).toEqual([])
})

test.each(readdirSync('public/texts'))('the shipped %s has one title and no mark left over', (name) => {
  const blocks = parseMarkdown(readFileSync(`public/texts/${name}`, 'utf8'))
  expect(blocks.filter((block) => block.kind === 'h1')).toHaveLength(1)
  const words = (block: Block) => ('items' in block ? block.items.map(textOf).join('\n') : textOf(block.inlines))
  expect(blocks.map(words).join('\n')).not.toMatch(/\*\*|^[#>]|\]\(/m)
})
