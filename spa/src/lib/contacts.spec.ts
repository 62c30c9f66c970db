import { expect, test } from 'vitest'

import { codeDigits, codeProblem, contactProblem } from './contacts'

test.each(['13800000000', ' 138 0000 0000 ', '+86-138-0000-0000', '008613800000000'])('%j is a number', (number) => {
  expect(contactProblem('sms', number)).toBe('')
})

test.each([
  ['', '请填写手机号'],
  ['1380000000', '请填写 11 位的大陆手机号'],
  ['12800000000', '请填写 11 位的大陆手机号'],
  ['+4915112345678', '请填写 11 位的大陆手机号'],
])('%j is no number', (number, problem) => {
  expect(contactProblem('sms', number)).toBe(problem)
})

test.each([
  ['li@example.com', ''],
  [' li.lei+shop@mail.example.com ', ''],
  ['  ', '请填写邮箱'],
  ['li@example', '请填写完整的邮箱地址，例如 name@example.com'],
  ['li example@qq.com', '请填写完整的邮箱地址，例如 name@example.com'],
])('what is said of the address %j is %j', (address, problem) => {
  expect(contactProblem('mail', address)).toBe(problem)
})

test.each([
  ['123456', '123456', ''],
  [' 123 456 ', '123456', ''],
  ['１２３４５６', '123456', ''],
  ['验证码 0123456', '012345', ''],
  ['12345', '12345', '验证码是 6 位数字'],
  ['abc', '', '请填写验证码'],
])('%j holds the code %j', (text, code, problem) => {
  expect(codeDigits(text)).toBe(code)
  expect(codeProblem(code)).toBe(problem)
})
