/** The API's rules for names and passwords, for while somebody types. The API decides: it knows more of both. */

const MAX_NAME_LENGTH = 64
const [MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH] = [8, 128]
const TELLING_NAME_LENGTH = 3

/** The form in which the API compares names. */
const folded = (text: string) => text.normalize('NFKC').toLowerCase().normalize('NFKC')
/** Code points, as the API counts. */
const lengthOf = (text: string) => [...text].length

/** What is wrong with a new user's name, in words; an empty text when nothing is. */
export function nameProblem(name: string): string {
  if (!name) return '请填写用户名'
  if (name !== name.trim()) return '用户名首尾不能有空格'
  if (lengthOf(name) > MAX_NAME_LENGTH) return `用户名最多${MAX_NAME_LENGTH}个字符`
  if (/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(name)) return '用户名里有看不见的字符'
  const alike = [/\p{Script=Latin}/u, /\p{Script=Cyrillic}/u, /\p{Script=Greek}/u].filter((script) => script.test(name))
  return alike.length > 1 ? '用户名不能混用外形相似的文字' : ''
}

export interface Rule {
  text: string
  isMet: boolean
}

/** The rules of a new password, each with whether `password` keeps it. Without a name nothing is said of it. */
export function passwordRules(password: string, name: string): Rule[] {
  const [secret, known] = [folded(password), folded(name)]
  const holdsName = known !== '' && (secret === known || (lengthOf(known) >= TELLING_NAME_LENGTH && secret.includes(known)))
  const length = lengthOf(password)
  return [
    { text: `${MIN_PASSWORD_LENGTH}到${MAX_PASSWORD_LENGTH}个字符`, isMet: length >= MIN_PASSWORD_LENGTH && length <= MAX_PASSWORD_LENGTH },
    { text: '不全是数字', isMet: length > 0 && !/^\p{Nd}+$/u.test(password) },
    ...(known ? [{ text: '不包含用户名', isMet: length > 0 && !holdsName }] : []),
    { text: '至少4种不同的字符', isMet: new Set(password).size >= 4 },
  ]
}

/** The first rule that a new password breaks, in words; an empty text when it keeps all. */
export function passwordProblem(password: string, name: string): string {
  if (!password) return '请填写密码'
  const broken = passwordRules(password, name).find((rule) => !rule.isMet)
  return broken ? `密码需要：${broken.text}` : ''
}
