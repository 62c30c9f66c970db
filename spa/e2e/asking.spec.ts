// Questions and assignments: what a learner asks and hands in, and what comes back from a teacher.
import { PYTHON } from './support/courses'
import { expect, expectAccessible, test } from './support/fixtures'

const PRACTICE = 900004 // its assignment is the demo's

test('a learner asks about a section, and sees the answer with the course @both', async ({ page, school, learner }) => {
  test.slow() // three states are read by axe
  await school.own(learner, [PYTHON])
  await page.goto(`/learn/${PYTHON.course_id}/900005`)
  const asking = page.getByRole('region', { name: '提问' })
  await asking.getByText('提问', { exact: true }).click()
  await expect(asking.getByText('您还没有在这门课程中提问。')).toBeVisible()
  await asking.getByRole('button', { name: '提交问题' }).click()
  await expect(asking.getByRole('textbox')).toBeFocused()
  await expect(asking.getByText('请写下您的问题')).toBeVisible()
  await expectAccessible(page)
  await asking.getByRole('textbox').fill('什么时候用 while？\n<b>for</b> 不够吗？')
  await asking.getByRole('button', { name: '提交问题' }).click()
  await expect(asking.getByRole('listitem')).toContainText('<b>for</b> 不够吗？')
  await expect(asking.getByRole('listitem')).toContainText('等待老师回复')
  await expect(asking.getByRole('textbox')).toHaveValue('')

  await school.teacher('answers', learner)
  await page.goto(`/course/${PYTHON.course_id}#asked`)
  const mine = page.getByRole('region', { name: '我的提问' })
  await expect(mine.getByRole('listitem')).toContainText('不知道要重复几次时，再用 while。')
  await expect(mine.getByRole('heading', { name: '我的提问' })).toBeInViewport()
  await expectAccessible(page)
})

test('a learner hands in an assignment, replaces it, and sees its mark @both', async ({ page, school, learner }) => {
  test.slow() // three states are read by axe
  await school.own(learner, [PYTHON])
  await page.goto(`/learn/${PYTHON.course_id}/${PRACTICE}`)
  const work = page.getByRole('region', { name: '作业' })
  await expect(work.getByText('未提交', { exact: true })).toBeVisible()
  await expect(work).toContainText('写一个程序，在屏幕上打印您的名片')
  await work.getByRole('button', { name: '提交作业' }).click()
  await expect(work.getByText('请写下作业内容')).toBeVisible()
  await expectAccessible(page)
  await work.getByRole('textbox').fill('print("李明")')
  await work.getByRole('button', { name: '提交作业' }).click()
  await expect(work.getByText('已提交，等待批改')).toBeVisible()
  await expect(work.getByRole('button', { name: '重新提交' })).toBeDisabled()
  await work.getByRole('textbox').fill('print("李明")\nprint("学员")')
  await work.getByRole('button', { name: '重新提交' }).click()
  await expect(work.getByRole('button', { name: '重新提交' })).toBeDisabled()
  await expectAccessible(page)

  await school.teacher('marks', learner)
  await page.reload()
  await expect(work.getByText('已批改', { exact: true })).toBeVisible()
  await expect(work).toContainText('得分 92')
  await expect(work).toContainText('可以再试试变量。')
  await expect(work).toContainText('print("学员")')
  await expect(work.getByRole('textbox')).toHaveCount(0)
  await expectAccessible(page)
})
