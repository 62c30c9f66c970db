// The walk: nine requests, each made of the answers before it.

import { change, send, shop, subscribe, takesProof, withProof } from './shop.js';

const list = document.getElementById('steps');
const known = { course: null, page: null, policy: null, offer: null, best: null, order: '', payUrl: '' };
const steps = [];

const pretty = (value) => JSON.stringify(value, null, 2);
const yuan = (amount) => `${amount} 元`;
const course = () => known.page && known.page.course;

const random = crypto.getRandomValues(new Uint32Array(1))[0].toString(36).slice(0, 6);
const blankProof = { geetest_challenge: '', geetest_validate: '', geetest_seccode: '' };
const proof = () => shop.proof || (shop.captchaScript ? blankProof : {});

const STEPS = [
  {
    name: 'Register',
    text: 'A new user, and signed in at once. The slider proves that somebody is there.',
    method: 'POST',
    path: () => '/register/',
    body: () => ({ username: `learner-${random}`, password: 'learn-every-day-8', ...proof() }),
    learn: (data) => `Registered as ${data.userinfo.username}. The token is kept and goes along from now on.`,
  },
  {
    name: 'See what is on offer',
    text: 'Public: no token needed. A course has its page under its coursedetail_id.',
    method: 'GET',
    path: () => '/courses/',
    learn: (data) => `${data.length} courses.`,
    choices: (data) => data.filter((row) => row.coursedetail_id).map((row) => ({
      label: row.name, note: `${row.level} · ${row.price}`, choose: () => { known.course = row; known.page = null; },
    })),
    start: (data) => data.filter((row) => row.coursedetail_id).findIndex((row) => /^￥/.test(row.price)),
  },
  {
    name: 'Open its page',
    text: 'Prices stand on the page: one for each period of validity.',
    method: 'GET',
    path: () => `/coursedetail/${known.course ? known.course.coursedetail_id : 'ID'}/`,
    learn: (data) => { known.page = data; return `${data.name}: course ${data.course}.`; },
    choices: (data) => data.prices.map((price) => ({
      label: price.valid_period_name, note: yuan(price.price), choose: () => { known.policy = price; },
    })),
    start: (data) => Math.max(0, data.prices.findIndex((price) => price.price >= 100)),
  },
  {
    name: 'Look for coupons',
    text: 'Those that can be claimed now. A coupon without course_id is good for every course.',
    method: 'GET',
    path: () => '/coupons/available/',
    learn: (data) => (data.length ? `${data.length} offers.` : 'Nothing to claim just now: go on with the quote.'),
    choices: (data) => data.map((offer) => ({
      label: offer.name, note: `${fits(offer) ? 'fits' : 'for another course'} · ${offer.claimed ? 'claimed' : `${offer.remaining} left`}`,
      choose: () => { known.offer = offer; },
    })),
    start: (data) => Math.max(0, data.findIndex((offer) => 'course_id' in offer && fits(offer) && !offer.claimed)),
  },
  {
    name: 'Claim one',
    text: 'One of each for everybody. Claiming takes the slider once more; you can come back here and claim others.',
    method: 'POST',
    path: () => `/coupons/${known.offer ? known.offer.id : 'ID'}/claim`,
    body: () => proof(),
    learn: (data) => `「${data.name}」 is yours until ${data.end_date}: coupon record ${data.pk}.`,
  },
  {
    name: 'Ask for a quote',
    text: 'What it costs, what each of your coupons would do, and the best combination: data.best is the next request.',
    method: 'POST',
    path: () => '/account/quote',
    body: () => ({
      is_beli: true,
      course_list: [{ course_id: course() || 0, default_price_policy_id: known.policy ? known.policy.id : 0 }],
      global_coupon_id: null,
    }),
    learn: (data) => {
      known.best = data.best;
      return `${yuan(data.total_price)} as it stands; the best combination costs ${yuan(data.best.pay_money)} and saves ${yuan(data.best_saves)}.`;
    },
  },
  {
    name: 'Order and pay',
    text: 'Places the order; coupons and 贝里 are taken into it. The answer is where to send the browser.',
    method: 'POST',
    path: () => '/payment/',
    body: () => known.best || { is_beli: false, course_list: [], pay_money: 0 },
    learn: (data) => {
      known.payUrl = data;
      known.order = orderNumber(data);
      return 'Ordered. Open the pay page, pay there (in the shop of make run it is a simulator: no money moves), and come back to this tab.';
    },
    link: () => ({ label: 'Open the pay page', href: known.payUrl }),
  },
  {
    name: 'See the order',
    text: '待支付 waits for payment, 交易成功 is paid. After paying it may take a second: ask again.',
    method: 'GET',
    path: () => `/order/${known.order || 'NUMBER'}`,
    learn: (data) => (data.status === '待支付'
      ? `待支付: waits for ${yuan(data.actual_amount)}, ${Math.ceil(data.seconds_left / 60)} minutes left.`
      : `${data.status}: ${data.history.at(-1).text}.`),
  },
  {
    name: 'Own the course',
    text: 'What you may study, and until when. GET /course/ID/chapters now gives all links of its sections.',
    method: 'GET',
    path: () => '/mycourses',
    learn: (data) => (data.length ? data.map((mine) => `${mine.name}, until ${mine.end_date}`).join('; ') : 'Nothing yet: is the order paid?'),
  },
];

function fits(offer) {
  return !('course_id' in offer) || (offer.course_id === course() && offer.course_type === 'course');
}

function orderNumber(address) {
  const query = new URL(address).searchParams;
  return query.get('order_num') || JSON.parse(query.get('biz_content') || '{}').out_trade_no || '';
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
    this.path = element('input', { className: 'path', spellcheck: false, ariaLabel: `Path of request ${number}` });
    this.path.oninput = () => { this.edited = true; };
    this.send = element('button', { type: 'button', className: 'send', textContent: 'Send' });
    this.send.onclick = () => this.#send();
    this.says = element('p', { className: 'says' });
    this.says.setAttribute('role', 'status');
    this.extra = element('div', { className: 'extra' });
    this.answer = element('details', { className: 'answer', hidden: true }, element('summary'), element('pre', { tabIndex: 0 }));
    const request = element('div', { className: 'request' }, element('span', { className: `method ${step.method}`, textContent: step.method }), this.path, this.send);
    this.node = element('li', {}, element('h2', { textContent: step.name }), element('p', { textContent: step.text }), request);
    if (step.body) {
      this.body = element('textarea', { className: 'body', spellcheck: false, ariaLabel: `Body of request ${number}` });
      this.body.oninput = () => { this.edited = true; this.size(); };
      this.node.append(this.body);
    }
    if (takesProof(step.method, step.path())) {
      this.proof = element('p', { className: 'proof' });
      this.node.append(this.proof);
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
      this.proof.textContent = 'The captcha is off in this shop: no slider here.';
    } else if (shop.proof) {
      this.proof.textContent = 'The slider is solved; its values are filled in.';
    } else {
      const open = element('button', { type: 'button', textContent: 'Solve the slider' });
      open.onclick = () => document.dispatchEvent(new CustomEvent('slider-wanted'));
      const why = this.done ? ' once more to send this again: each serves once.' : ' first: its values are filled in here.';
      this.proof.replaceChildren(open, why);
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
      this.#say(`No answer from ${shop.api}: ${trouble.message}. Is it running?`, false);
      this.answer.hidden = true;
    } finally {
      this.send.disabled = false;
    }
  }

  #show(status, text, json) {
    const [summary, pre] = this.answer.children;
    pre.textContent = json ? pretty(json) : text;
    const done = status === 200 && json && (!('code' in json) || json.code === 1000 || json.code === 0);
    summary.textContent = `Answer: HTTP ${status}${json && 'code' in json ? `, code ${json.code}` : ''}`;
    this.answer.hidden = false;
    this.answer.open = !done;
    if (!done) {
      this.#say(json && json.msg ? `Refused: ${json.msg}` : 'Refused.', false);
      return;
    }
    this.edited = false;
    this.done = true;
    const data = 'data' in json ? json.data : json;
    this.#say(this.step.learn(data), true);
    if (this.step.choices) this.#offer(this.step.choices(data), this.step.start(data));
    if (this.step.link) {
      const { label, href } = this.step.link();
      this.extra.append(element('a', { className: 'go', href, target: '_blank', rel: 'noopener', textContent: label }));
    }
    this.onAnswer();
  }

  #offer(choices, start) {
    const group = `choice-${this.path.ariaLabel}`;
    const set = element('fieldset', {}, element('legend', { textContent: 'For the next requests take' }));
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
