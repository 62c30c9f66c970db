// The walk: nine requests, each made of the answers before it.

import { send, shop, subscribe, takesProof, withProof } from './shop.js';
import { showSlider } from './slider.js';

const list = document.getElementById('steps');
const known = { course: null, page: null, policy: null, offer: null, best: null, order: '', payUrl: '' };
const steps = [];

const pretty = (value) => JSON.stringify(value, null, 2);
const yuan = (amount) => `¥${amount.toFixed(2)}`;
const course = () => known.page && known.page.course;

const random = crypto.getRandomValues(new Uint32Array(1))[0].toString(36).slice(0, 6);
const blankProof = { geetest_challenge: '', geetest_validate: '', geetest_seccode: '' };
const proof = () => shop.proof || (shop.captchaScript ? blankProof : {});

const STEPS = [
  {
    name: '注册',
    text: '注册一位新用户，同时登录。滑动验证证明是真人操作。也可以在右上角选一位演示用户登录，跳过这一步。',
    method: 'POST',
    path: () => '/register/',
    body: () => ({ username: `learner-${random}`, password: 'learn-every-day-8', ...proof() }),
    learn: (data) => `已注册 ${data.userinfo.username}，令牌从现在起随每个请求发出。`,
  },
  {
    name: '看看有哪些课程',
    text: '公开的请求，不需要令牌。coursedetail_id 是课程页面的编号。',
    method: 'GET',
    path: () => '/courses/',
    learn: (data) => `有 ${data.length} 门课程。`,
    choices: (data) => data.filter((row) => row.coursedetail_id).map((row) => ({
      label: row.name, note: `${row.level} · ${row.price}`, choose: () => { known.course = row; known.page = null; },
    })),
    start: (data) => data.filter((row) => row.coursedetail_id).findIndex((row) => /^￥/.test(row.price)),
  },
  {
    name: '打开课程页面',
    text: '价格在课程页面里：每个有效期一个价格。',
    method: 'GET',
    path: () => `/coursedetail/${known.course ? known.course.coursedetail_id : 'ID'}/`,
    learn: (data) => { known.page = data; return `${data.name}，课程编号 ${data.course}。`; },
    choices: (data) => data.prices.map((price) => ({
      label: price.valid_period_name, note: yuan(price.price), choose: () => { known.policy = price; },
    })),
    start: (data) => Math.max(0, data.prices.findIndex((price) => price.price >= 100)),
  },
  {
    name: '找优惠券',
    text: '现在可以领的优惠券。没有 course_id 的全场通用。',
    method: 'GET',
    path: () => '/coupons/available/',
    learn: (data) => (data.length ? `有 ${data.length} 种优惠券。` : '现在没有可领的优惠券，直接试算即可。'),
    choices: (data) => data.map((offer) => ({
      label: offer.name, note: `${fits(offer) ? '适用' : '用于其他课程'} · ${stateOf(offer)}`,
      choose: () => { known.offer = offer; },
    })),
    start: (data) => {
      const open = data.map((offer) => fits(offer) && !offer.claimed && offer.remaining > 0);
      const own = data.findIndex((offer, i) => open[i] && 'course_id' in offer);
      return Math.max(0, own >= 0 ? own : open.indexOf(true));
    },
  },
  {
    name: '领一张',
    text: '每种每人一张。领取要再完成一次滑动验证；可以回到这里领别的。',
    method: 'POST',
    path: () => `/coupons/${known.offer ? known.offer.id : 'ID'}/claim`,
    body: () => proof(),
    learn: (data) => `「${data.name}」已领到，有效期至 ${data.end_date}，编号 ${data.pk}。`,
  },
  {
    name: '试算',
    text: '要付多少，每张优惠券能省多少，哪种组合最省：data.best 就是下一个请求。',
    method: 'POST',
    path: () => '/account/quote',
    body: () => ({
      is_beli: true,
      course_list: [{ course_id: course() || 0, default_price_policy_id: known.policy ? known.policy.id : 0 }],
      global_coupon_id: null,
    }),
    learn: (data) => {
      known.best = data.best;
      return `按现在的选择应付 ${yuan(data.total_price)}；最省的组合应付 ${yuan(data.best.pay_money)}，省 ${yuan(data.best_saves)}。`;
    },
  },
  {
    name: '下单支付',
    text: '下单，优惠券和贝里同时归入订单。应答里是支付页面的地址。',
    method: 'POST',
    path: () => '/payment/',
    body: () => known.best || { is_beli: false, course_list: [], pay_money: 0 },
    learn: (data, answer) => {
      known.payUrl = data;
      known.order = answer.order_number;
      return '已下单。打开支付页面付款（make run 里是模拟器，不会真的扣款），然后回到这个标签页。';
    },
    link: () => ({ label: '打开支付页面', href: known.payUrl }),
  },
  {
    name: '查看订单',
    text: '待支付：还没有付款；交易成功：已付款。付款后可能要等一秒，再问一次即可。',
    method: 'GET',
    path: () => `/order/${known.order || 'NUMBER'}`,
    learn: (data) => (data.status === '待支付'
      ? `待支付：应付 ${yuan(data.actual_amount)}，还剩 ${Math.ceil(data.seconds_left / 60)} 分钟。`
      : `${data.status}：${data.history.at(-1).text}。`),
  },
  {
    name: '拥有课程',
    text: '可以学哪些课程，学到什么时候。GET /course/ID/chapters 现在会给出各小节的地址。',
    method: 'GET',
    path: () => '/mycourses',
    learn: (data) => (data.length ? data.map((mine) => `${mine.name}，学到 ${mine.end_date}`).join('；') : '还没有课程：订单付款了吗？'),
  },
];

function fits(offer) {
  return !('course_id' in offer) || (offer.course_id === course() && offer.course_type === 'course');
}

function stateOf(offer) {
  if (offer.claimed) return '已领取';
  return offer.remaining > 0 ? `剩 ${offer.remaining} 张` : '已领完';
}

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

class Step {
  constructor(step, number, onAnswer) {
    this.step = step;
    this.onAnswer = onAnswer;
    this.edited = false;
    this.done = false;
    this.path = element('input', { className: 'path', spellcheck: false, ariaLabel: `第 ${number} 步的路径` });
    this.path.oninput = () => { this.edited = true; };
    this.send = element('button', { type: 'button', className: 'send', textContent: '发送', ariaLabel: `发送第 ${number} 步` });
    this.send.onclick = () => this.#send();
    this.says = element('p', { className: 'says' });
    this.says.setAttribute('role', 'status');
    this.extra = element('div', { className: 'extra' });
    this.answer = element('details', { className: 'answer', hidden: true }, element('summary'), element('pre', { tabIndex: 0 }));
    const request = element('div', { className: 'request' }, element('span', { className: `method ${step.method}`, textContent: step.method }), this.path, this.send);
    this.node = element('li', {}, element('h2', { textContent: step.name }), element('p', { textContent: step.text }), request);
    if (step.body) {
      this.body = element('textarea', { className: 'body', spellcheck: false, ariaLabel: `第 ${number} 步的请求体` });
      this.body.oninput = () => { this.edited = true; this.size(); };
      this.node.append(this.body);
    }
    if (takesProof(step.method, step.path())) {
      this.proof = element('p', { className: 'proof' });
      this.sliderPlace = element('div');
      this.node.append(this.proof, this.sliderPlace);
    }
    this.node.append(this.says, this.extra, this.answer);
  }

  // Fill in what is known by now, unless somebody wrote something else.
  refresh() {
    if (!this.edited) {
      this.path.value = this.step.path();
      if (this.body) {
        this.body.value = pretty(this.step.body());
        this.size();
      }
    } else if (this.body && shop.proof && this.proof) {
      try {
        this.body.value = pretty(withProof(JSON.parse(this.body.value)));
        this.size();
      } catch { /* half-written: left alone */ }
    }
    if (this.proof) this.#showProof();
  }

  size() {
    if (!this.body) return;
    this.body.style.height = 'auto';
    this.body.style.height = `${Math.min(420, this.body.scrollHeight + 2)}px`; // 2: its border
  }

  #showProof() {
    this.proof.className = shop.proof || !shop.captchaScript ? 'proof solved' : 'proof';
    if (!shop.captchaScript) {
      this.proof.textContent = '这个商城没有打开滑动验证。';
    } else if (shop.proof) {
      this.proof.textContent = '滑动验证已完成，已填入请求体。';
    } else {
      const open = element('button', { type: 'button', textContent: '完成滑动验证' });
      open.onclick = () => showSlider(this.sliderPlace);
      this.proof.replaceChildren(open, this.done ? ' 再发一次要重新验证，每次验证只能用一次。' : ' 结果会填入上面的请求体。');
    }
  }

  async #send() {
    this.send.disabled = true;
    this.extra.replaceChildren();
    try {
      const body = this.body ? this.body.value : undefined;
      const { status, text, json } = await send(this.step.method, this.path.value, body);
      this.#show(status, text, json);
    } catch (trouble) {
      this.#say(`${shop.api} 没有应答（${trouble.message}）。它在运行吗？`, false);
      this.answer.hidden = true;
    } finally {
      this.send.disabled = false;
    }
  }

  #show(status, text, json) {
    const [summary, pre] = this.answer.children;
    pre.textContent = json ? pretty(json) : text;
    const done = status === 200 && json && (!('code' in json) || json.code === 1000 || json.code === 0);
    summary.textContent = `应答：HTTP ${status}${json && 'code' in json ? `，code ${json.code}` : ''}`;
    this.answer.hidden = false;
    this.answer.open = !done;
    if (!done) {
      this.#say(json && json.msg ? `被拒绝：${json.msg}` : '被拒绝。', false);
      return;
    }
    this.edited = false;
    this.done = true;
    const data = 'data' in json ? json.data : json;
    this.#say(this.step.learn(data, json), true);
    if (this.step.choices) this.#offer(this.step.choices(data), this.step.start(data));
    if (this.step.link) {
      const { label, href } = this.step.link();
      this.extra.append(element('a', { className: 'go', href, target: '_blank', rel: 'noopener', textContent: label }));
    }
    this.onAnswer();
    this.#leadOn();
  }

  // To what comes next: the choice or the link that the answer brought, else the next step.
  #leadOn() {
    const here = this.extra.querySelector('input:checked, a');
    const next = here ?? this.node.nextElementSibling?.querySelector('.send');
    next?.focus({ preventScroll: true });
    (here ?? this.node.nextElementSibling ?? this.node).scrollIntoView({ block: 'nearest', behavior: 'smooth' });
  }

  #offer(choices, start) {
    const group = `choice-${this.path.ariaLabel}`;
    const set = element('fieldset', {}, element('legend', { textContent: '后面的请求用哪一个' }));
    choices.forEach((choice, position) => {
      const radio = element('input', { type: 'radio', name: group, checked: position === Math.max(0, start) });
      radio.onchange = () => { choice.choose(); this.onAnswer(); };
      set.append(element('label', {}, radio, element('span', { textContent: choice.label }), element('small', { textContent: choice.note })));
      if (radio.checked) choice.choose();
    });
    if (!choices.length) return;
    this.extra.append(set);
    set.scrollTop = set.querySelector(':checked').parentElement.offsetTop - set.offsetTop - set.clientHeight / 2;
  }

  #say(text, good) {
    this.says.textContent = text;
    this.says.className = good ? 'says good' : 'says bad';
  }
}

export function showWalk() {
  const refresh = () => steps.forEach((step) => step.refresh());
  STEPS.forEach((step, position) => {
    steps.push(new Step(step, position + 1, refresh));
    list.append(steps[position].node);
  });
  subscribe(refresh);
  window.addEventListener('resize', () => steps.forEach((step) => step.size()));
  refresh();
}
