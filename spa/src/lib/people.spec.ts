import { expect, test } from 'vitest'

import { nameProblem, passwordProblem, passwordRules } from './people'

test.each(['xiaoli', '小李', '小李 Li', 'たなか', 'é', '李'.repeat(64), '𠮷'.repeat(64)])('%s can be a name', (name) => {
  expect(nameProblem(name)).toBe('')
})

test.each([
  ['', '请填写用户名'],
  [' xiaoli', '用户名首尾不能有空格'],
  ['xiaoli　', '用户名首尾不能有空格'],
  ['a'.repeat(65), '用户名最多64个字符'],
  ['xiao\u200bli', '用户名里有看不见的字符'],
  ['xiao\u3000li', '用户名里有看不见的字符'],
  ['xiao\u0007li', '用户名里有看不见的字符'],
  ['xiаoli', '用户名不能混用外形相似的文字'], // its а is Cyrillic
])('%j cannot be a name', (name, problem) => {
  expect(nameProblem(name)).toBe(problem)
})

test.each([
  ['learn-every-day-8', 'xiaoli'],
  ['correct horse battery', 'ho'], // so short a name occurs by chance
  ['１２３４abcd', 'xiaoli'],
  ['𠮷野家牛丼大盛味', 'xiaoli'],
])('%s can be the password of %s', (password, name) => {
  expect(passwordProblem(password, name)).toBe('')
})

test.each([
  ['', 'xiaoli', '请填写密码'],
  ['short-7', 'xiaoli', '密码需要：8到128个字符'],
  ['a1-'.repeat(43), 'xiaoli', '密码需要：8到128个字符'],
  ['20261128', 'xiaoli', '密码需要：不全是数字'],
  ['２０２６１１２８', 'xiaoli', '密码需要：不全是数字'],
  ['my-XiaoLi-pass', 'xiaoli', '密码需要：不包含用户名'],
  ['my-ｘｉａｏｌｉ-pass', 'xiaoli', '密码需要：不包含用户名'],
  ['abcabcabc', 'xiaoli', '密码需要：至少4种不同的字符'],
])('%j cannot be the password of %s', (password, name, problem) => {
  expect(passwordProblem(password, name)).toBe(problem)
})

test('nothing is kept before anything is typed', () => {
  expect(passwordRules('', '').filter((rule) => rule.isMet)).toEqual([])
})
