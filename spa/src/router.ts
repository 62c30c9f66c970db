import { createRouter, createWebHistory, type RouteLocationNormalized, type Router, type RouteRecordRaw } from 'vue-router'

import { closeSheetsOnBack } from '@/composables/useBackCloses'
import { grownTo, showPart } from '@/lib/scroll'
import Home from '@/pages/Home.vue'
import { useSession } from '@/stores/session'

declare module 'vue-router' {
  interface RouteMeta {
    /** The page's title, before the school's name. Pages about one thing set their own with `useTitle`. */
    title?: string
    /** For learners only: others sign in first and come back. */
    private?: boolean
    /** The parameter that makes it another page; the others change within it. */
    within?: string
    /** For visitors only: who is signed in is sent on. */
    visitors?: boolean
    /** In the middle of buying: the head of the page leads nowhere else. */
    focused?: boolean
  }
}

const routes: RouteRecordRaw[] = [
  // The first page of most visits: without a round trip of its own.
  { path: '/', name: 'home', component: Home },
  { path: '/courses', name: 'courses', component: () => import('@/pages/Courses.vue'), meta: { title: '全部课程' } },
  { path: '/course/:id(\\d+)', name: 'course', component: () => import('@/pages/Course.vue'), meta: { title: '课程' } },
  { path: '/learn/:id(\\d+)/:section(\\d+)?', name: 'learn', component: () => import('@/pages/Learn.vue'), meta: { title: '学习', within: 'id' } },
  { path: '/teachers', name: 'teachers', component: () => import('@/pages/Teachers.vue'), meta: { title: '教师' } },
  { path: '/teachers/:id(\\d+)', name: 'teacher', component: () => import('@/pages/Teacher.vue'), meta: { title: '教师' } },
  { path: '/coupons', name: 'claim', component: () => import('@/pages/ClaimCentre.vue'), meta: { title: '领券中心' } },
  { path: '/sign-in', name: 'sign-in', component: () => import('@/pages/SignIn.vue'), meta: { title: '登录', visitors: true } },
  { path: '/register', name: 'register', component: () => import('@/pages/Register.vue'), meta: { title: '注册', visitors: true } },
  { path: '/password/forgotten', name: 'forgotten', component: () => import('@/pages/Forgotten.vue'), meta: { title: '重设密码' } },
  { path: '/unsubscribe', name: 'unsubscribe', component: () => import('@/pages/Unsubscribe.vue'), meta: { title: '退订邮件' } },
  { path: '/cart', name: 'cart', component: () => import('@/pages/Cart.vue'), meta: { title: '购物车' } },
  { path: '/settlement', name: 'settlement', component: () => import('@/pages/Settlement.vue'), meta: { title: '结算', private: true } },
  { path: '/payment/result', name: 'result', component: () => import('@/pages/Result.vue'), meta: { title: '支付结果', private: true } },
  { path: '/payment/wechat', name: 'pay-wechat', component: () => import('@/pages/PayWechat.vue'), meta: { title: '微信支付', private: true } },
  { path: '/orders', name: 'orders', component: () => import('@/pages/Orders.vue'), meta: { title: '我的订单', private: true } },
  { path: '/orders/:number', name: 'order', component: () => import('@/pages/Order.vue'), meta: { title: '订单详情', private: true } },
  { path: '/my/courses', name: 'my-courses', component: () => import('@/pages/MyCourses.vue'), meta: { title: '我的课程', private: true } },
  { path: '/my/study', name: 'my-study', component: () => import('@/pages/MyStudy.vue'), meta: { title: '学习记录', private: true } },
  { path: '/my/coupons', name: 'my-coupons', component: () => import('@/pages/MyCoupons.vue'), meta: { title: '我的优惠券', private: true } },
  { path: '/my/beli', name: 'my-beli', component: () => import('@/pages/MyBeli.vue'), meta: { title: '我的贝里', private: true } },
  { path: '/my/messages', name: 'messages', component: () => import('@/pages/Messages.vue'), meta: { title: '我的消息', private: true } },
  { path: '/my/notices', name: 'notices', component: () => import('@/pages/Notices.vue'), meta: { title: '消息设置', private: true } },
  { path: '/my/account', name: 'account', component: () => import('@/pages/Account.vue'), meta: { title: '账号设置', private: true } },
  { path: '/texts/:name(agreement|privacy|refunds)', name: 'text', component: () => import('@/pages/Text.vue') },
  { path: '/:path(.*)*', name: 'not-found', component: () => import('@/pages/NotFound.vue'), meta: { title: '没有这个页面' } },
]

/** Where sign-in leads back to: a page of this site, never one elsewhere. */
export function nextOf(route: Pick<RouteLocationNormalized, 'query'>): string {
  const next = route.query.next
  return typeof next === 'string' && /^\/(?![/\\])/.test(next) ? next : '/'
}

/** The part of a course's page that shows a learner's own questions: a message leads there. */
const OWN_QUESTIONS = '#asked'

export function makeRouter(schoolName: string): Router {
  const router: Router = createRouter({
    history: createWebHistory(),
    routes,
    async scrollBehavior(to, from, saved) {
      if (saved) {
        await grownTo(saved.top + window.innerHeight)
        return router.currentRoute.value.fullPath === to.fullPath ? saved : false
      }
      const isChoice = to.path === from.path && to.hash === from.hash && to.fullPath !== from.fullPath
      if (to.hash && !isChoice) return showPart(to.hash)
      return to.path === from.path ? undefined : { top: 0 }
    },
  })

  closeSheetsOnBack(router)
  router.beforeEach((to) => {
    const { isSignedIn } = useSession()
    if ((to.meta.private || to.hash === OWN_QUESTIONS) && !isSignedIn) return { name: 'sign-in', query: { next: to.fullPath } }
    return to.meta.visitors && isSignedIn ? nextOf(to) : true
  })

  router.afterEach((to, from, failure) => {
    // Within a page it has the title that the page gave itself.
    if (failure || (to.path === from.path && from.matched.length)) return
    document.title = to.meta.title ? `${to.meta.title} · ${schoolName}` : schoolName
  })

  // After a new build the files of the one before are gone: open the page anew, but never in a loop.
  window.addEventListener('vite:preloadError', (event) => {
    const last = Number(sessionStorage.getItem('reloaded') ?? 0)
    if (Date.now() - last < 60_000) return
    event.preventDefault()
    sessionStorage.setItem('reloaded', String(Date.now()))
    window.location.reload()
  })
  return router
}
