// The slider that both libraries share: a button, a picture with a gap, a piece to move into it.
//
// A source gives pictures and judges slides:
//   load()      → Promise of {background, piece}, addresses of two pictures of the same height
//   check(left) → Promise of the proof, or null beside the gap; `left` in the picture's pixels
// Both reject with a Trouble; one that is `over` cannot be helped by another picture.

const HOME = document.currentScript ? new URL(document.currentScript.src).origin : '';

class Trouble extends Error {
  constructor(code, message, over) {
    super(message);
    this.code = code;
    this.over = Boolean(over);
  }
}

// What the shop's page is told of it; the names are those of both generations.
function described(trouble) {
  const code = trouble.code || 'error';
  return { error_code: code, user_error: trouble.message, code, msg: trouble.message, desc: { detail: trouble.message } };
}

// Ask the simulator; `fields` undefined is a GET. Anything but JSON with status 200 is a network trouble.
async function ask(server, path, fields, timeout) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), timeout);
  let answer;
  try {
    const body = fields && new URLSearchParams(fields);
    const reply = await fetch(server + path, { method: body ? 'POST' : 'GET', body, signal: stop.signal });
    if (!reply.ok) throw new Error(String(reply.status));
    answer = await reply.json();
  } catch {
    throw new Trouble('network', '网络不给力，请重试');
  } finally {
    clearTimeout(timer);
  }
  if (answer.status === 'error') throw new Trouble(answer.error, answer.user_error, answer.error !== 'old picture');
  return answer;
}

function randomHex(length) {
  const bytes = crypto.getRandomValues(new Uint8Array(length / 2));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

// --- a puzzle of the page's own, for when Geetest is down ----------------------------------------------------

const WIDTH = 600, HEIGHT = 320, PIECE = 112, TOLERANCE = 8;

class LocalPuzzle {
  async load() {
    this.gap = 200 + Math.floor(Math.random() * (WIDTH - PIECE - 208));
    const top = 8 + Math.floor(Math.random() * (HEIGHT - PIECE - 16));
    const scene = this.#canvas(WIDTH), piece = this.#canvas(PIECE);
    this.#landscape(scene.getContext('2d'));

    const cut = piece.getContext('2d');
    cut.shadowColor = 'rgba(0, 0, 0, .6)';
    cut.shadowBlur = 8;
    this.#outline(cut, 0, top);
    cut.fill();
    cut.shadowBlur = 0;
    cut.save();
    cut.clip();
    cut.drawImage(scene, -this.gap, 0);
    cut.restore();
    this.#rim(cut, .9);

    const gap = scene.getContext('2d');
    this.#outline(gap, this.gap, top);
    gap.fillStyle = 'rgba(0, 0, 0, .58)';
    gap.fill();
    this.#rim(gap, .7);
    return { background: scene.toDataURL(), piece: piece.toDataURL() };
  }

  async check(left) {
    return Math.abs(left - this.gap) <= TOLERANCE ? { validate: randomHex(32) } : null;
  }

  #canvas(width) {
    return Object.assign(document.createElement('canvas'), { width, height: HEIGHT });
  }

  #outline(pen, x, y) {
    pen.beginPath();
    pen.moveTo(x + 10, y + 26);
    pen.lineTo(x + 34, y + 26);
    pen.arc(x + 48, y + 21, 15, 2.8, .34);
    pen.lineTo(x + 86, y + 26);
    pen.lineTo(x + 86, y + 50);
    pen.arc(x + 92, y + 64, 15, -1.98, 1.98);
    pen.lineTo(x + 86, y + 102);
    pen.lineTo(x + 10, y + 102);
    pen.lineTo(x + 10, y + 78);
    pen.arc(x + 12, y + 64, 14, 1.71, -1.71, true);
    pen.closePath();
  }

  #rim(pen, opacity) {
    pen.lineWidth = 3;
    pen.strokeStyle = `rgba(255, 255, 255, ${opacity})`;
    pen.stroke();
  }

  #landscape(pen) {
    const hue = Math.floor(Math.random() * 360);
    const sky = pen.createLinearGradient(0, 0, 0, HEIGHT);
    sky.addColorStop(0, `hsl(${hue} 55% 66%)`);
    sky.addColorStop(1, `hsl(${hue + 40} 70% 90%)`);
    pen.fillStyle = sky;
    pen.fillRect(0, 0, WIDTH, HEIGHT);
    pen.fillStyle = `hsl(${hue + 60} 90% 94%)`;
    pen.beginPath();
    pen.arc(80 + Math.random() * 440, 76, 36, 0, 7);
    pen.fill();
    for (let hills = 0; hills < 3; hills++) {
      const phase = Math.random() * 7, often = 1.2 + Math.random() * 1.4;
      pen.fillStyle = `hsl(${hue + 20 * hills} ${28 + 6 * hills}% ${62 - 16 * hills}%)`;
      pen.beginPath();
      pen.moveTo(0, HEIGHT);
      for (let x = 0; x <= WIDTH; x += 4) {
        const wave = Math.sin(x / WIDTH * 6.3 * often + phase) * 26 + Math.sin(x / 47 + phase * 3) * 8;
        pen.lineTo(x, 160 + 58 * hills + wave);
      }
      pen.lineTo(WIDTH, HEIGHT);
      pen.fill();
    }
  }
}

// --- the widget ----------------------------------------------------------------------------------------------

const STYLE = `
:host { all: initial; display: block; }
* { box-sizing: border-box; }
.all { all: initial; display: block; font: 14px/1.5 -apple-system, "PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif; color: #1f2329; }
button { font: inherit; color: inherit; cursor: pointer; -webkit-tap-highlight-color: transparent; }
.gate { display: flex; align-items: center; gap: 10px; width: 100%; min-height: 44px; padding: 8px 14px; text-align: left;
  background: linear-gradient(#fff, #f5f7fb); border: 1px solid #b9c2d3; border-radius: 4px; }
.gate:hover { border-color: #2f6bff; }
.gate svg { flex: none; width: 22px; height: 22px; }
.gate .mark { margin-left: auto; color: #667085; font-size: 12px; white-space: nowrap; }
.passed .gate { background: #eefbf2; border-color: #35a862; color: #0f6b35; cursor: default; }
.failed .gate { background: #fff5f4; border-color: #d9544a; color: #b42318; }
dialog { border: 0; padding: 0; border-radius: 8px; background: none; max-width: 100vw; overflow: visible; color: inherit; }
dialog::backdrop { background: rgba(16, 24, 40, .5); }
.panel { width: 320px; max-width: calc(100vw - 24px); padding: 10px; background: #fff; border: 1px solid #d5dae3;
  border-radius: 8px; box-shadow: 0 8px 28px rgba(16, 24, 40, .16); }
.inline .panel { max-width: 100%; margin-top: 8px; box-shadow: none; }
.bar { display: flex; align-items: center; gap: 4px; margin-bottom: 8px; }
.bar b { font-weight: 600; margin-right: auto; padding-left: 2px; }
.bar button { display: grid; place-items: center; width: 36px; height: 32px; padding: 0; border: 0; border-radius: 6px; background: none;
  color: #475467; }
.bar button:hover { background: #eef2f9; color: #2f6bff; }
.bar svg { width: 18px; height: 18px; }
.picture { position: relative; aspect-ratio: 600 / 320; border-radius: 4px; overflow: hidden; background: #e9edf4; user-select: none;
  -webkit-user-select: none; }
.picture img { position: absolute; left: 0; top: 0; height: 100%; display: block; pointer-events: none; }
.picture .background { width: 100%; }
.veil { position: absolute; inset: 0; display: grid; place-content: center; justify-items: center; gap: 10px; padding: 12px;
  text-align: center; background: #f3f6fb; }
[hidden] { display: none !important; }
.veil button { padding: 6px 18px; border: 1px solid #b9c2d3; border-radius: 6px; background: #fff; }
.veil button:hover { border-color: #2f6bff; color: #2f6bff; }
.said { position: absolute; left: 0; right: 0; bottom: 0; margin: 0; padding: 5px 10px; color: #fff; text-align: center;
  background: rgba(29, 43, 79, .86); }
.said:empty { display: none; }
.right .said { background: #14803f; } .wrong .said { background: #c2362b; }
.track { position: relative; height: 44px; margin-top: 10px; border: 1px solid #d5dae3; border-radius: 6px; background: #f3f5f9; }
.fill { position: absolute; left: 0; top: 0; bottom: 0; width: 0; border-radius: 5px 0 0 5px; background: #d6e3ff; }
.hint { position: absolute; left: 60px; right: 8px; top: 0; bottom: 0; display: grid; place-content: center; color: #5f6875;
  font-size: 13px; text-align: center; pointer-events: none; user-select: none; -webkit-user-select: none; }
.handle { position: absolute; left: -1px; top: -1px; width: 54px; height: 44px; display: grid; place-items: center; cursor: grab;
  touch-action: none; border: 1px solid #b9c2d3; border-radius: 6px; background: #fff; color: #475467;
  box-shadow: 0 1px 4px rgba(16, 24, 40, .18); user-select: none; -webkit-user-select: none; }
.handle svg { width: 22px; height: 22px; }
.handle:hover, .moving .handle { background: #2f6bff; border-color: #2f6bff; color: #fff; }
.moving .handle { cursor: grabbing; }
.right .handle { background: #14803f; border-color: #14803f; color: #fff; } .right .fill { background: #c9f0d7; }
.wrong .handle { background: #c2362b; border-color: #c2362b; color: #fff; } .wrong .fill { background: #fbd9d6; }
.busy .handle { cursor: default; }
:focus-visible { outline: 3px solid #7aa5ff; outline-offset: 2px; }
.back .piece, .back .handle { transition: left .25s; } .back .fill { transition: width .25s; }
.wrong .picture { animation: shake .3s; }
@keyframes shake { 25% { transform: translateX(-5px); } 75% { transform: translateX(5px); } }
@media (prefers-reduced-motion: reduce) { * { animation: none !important; transition: none !important; } }
`;

const icon = (path) => `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"
  stroke-linejoin="round" aria-hidden="true">${path}</svg>`;
const SHIELD = icon('<path d="M12 3l7 3v5c0 4.5-3 8-7 10-4-2-7-5.5-7-10V6z"/><path d="M9 12l2.2 2.2L15.5 10"/>');
const ARROW = icon('<path d="M5 12h13M13 6l6 6-6 6"/>');
const AGAIN = icon('<path d="M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6"/>');
const CLOSE = icon('<path d="M6 6l12 12M18 6L6 18"/>');

const HINT = '拖动滑块，把拼图移到缺口处';
const KEYS = '方向键移动，回车确认';
const STEP = 4, LEAP = 40; // pixels of the picture

class Slider {
  // Config: source; width and panelWidth, CSS lengths; modal: panel in a dialog instead of under the button;
  // bare: no button; hideClose, hideRefresh. Called back: passed(proof), missed(), troubled(trouble),
  // closed(), shown().
  constructor(config) {
    this.config = config;
    this.state = 'idle'; // loading, ready, checking, passed, failed
    this.round = 0; // answers of an earlier one come too late
    this.left = 0;
    this.host = document.createElement('div');
    this.host.className = 'geetest_captcha';
    this.host.attachShadow({ mode: 'open' }).innerHTML = `<style>${STYLE}</style><div class="all">
      <button type="button" class="gate">${SHIELD}<span class="label"></span><span class="mark">本地模拟</span></button>
      <dialog aria-label="安全验证"></dialog>
      <div class="inline" hidden><div class="panel" role="group" aria-label="安全验证">
        <div class="bar"><b>请完成安全验证</b>
          <button type="button" class="refresh" aria-label="换一张图片" title="换一张图片">${AGAIN}</button>
          <button type="button" class="close" aria-label="关闭验证" title="关闭验证">${CLOSE}</button></div>
        <div class="picture"><img class="background" alt="带缺口的图片" draggable="false">
          <img class="piece" alt="" draggable="false"><p class="said" role="status"></p>
          <div class="veil"><span class="why"></span><button type="button" class="retry">重试</button></div></div>
        <div class="track"><div class="fill"></div><span class="hint"></span>
          <div class="handle" role="slider" tabindex="0" aria-label="拼图位置，${KEYS}" aria-valuemin="0" aria-valuemax="100"
            >${ARROW}</div></div>
      </div></div></div>`;
    for (const name of ['all', 'gate', 'label', 'inline', 'panel', 'refresh', 'close', 'background', 'piece', 'said', 'veil',
      'why', 'retry', 'track', 'fill', 'hint', 'handle']) {
      this[name] = this.host.shadowRoot.querySelector(`.${name}`);
    }
    this.dialog = this.host.shadowRoot.querySelector('dialog');
    if (config.modal) this.dialog.append(this.panel);
    if (config.width) Object.assign(this.host.style, { width: config.width, maxWidth: '100%' });
    if (config.panelWidth) this.panel.style.width = config.panelWidth;
    this.gate.hidden = Boolean(config.bare);
    this.close.hidden = Boolean(config.hideClose);
    this.refresh.hidden = Boolean(config.hideRefresh);
    this.#listen();
    this.#gate('点击按钮进行验证');
  }

  open() {
    if (this.state === 'passed' || this.isOpen()) return;
    if (this.config.modal) {
      if (!this.host.isConnected) document.body.append(this.host);
      this.dialog.showModal();
    } else {
      this.inline.hidden = false;
    }
    this.config.shown();
    this.next();
  }

  isOpen() {
    return this.config.modal ? this.dialog.open : !this.inline.hidden;
  }

  hide() {
    this.round++;
    if (this.config.modal) {
      this.dialog.close();
    } else {
      const here = this.panel.contains(this.host.shadowRoot.activeElement);
      this.inline.hidden = true;
      if (here) this.gate.focus();
    }
  }

  reset() {
    if (this.isOpen()) this.hide();
    this.round++;
    this.state = 'idle';
    this.#gate('点击按钮进行验证');
  }

  remove() {
    this.reset();
    this.host.remove();
  }

  // A new picture.
  async next() {
    const round = ++this.round;
    // An embedded slider that appears by itself leaves the focus where it is.
    const here = this.config.modal || this.host.shadowRoot.activeElement;
    this.state = 'loading';
    this.#gate('正在验证…');
    this.#look('');
    this.#veil('正在加载…');
    this.#move(0);
    try {
      const { background, piece } = await this.config.source.load();
      this.background.src = background;
      this.piece.src = piece;
      await Promise.all([this.background.decode(), this.piece.decode()]);
      if (round !== this.round) return;
    } catch (trouble) {
      if (round === this.round) this.#fail(trouble);
      return;
    }
    this.state = 'ready';
    this.piece.style.width = `${this.piece.naturalWidth / this.background.naturalWidth * 100}%`;
    this.veil.hidden = true;
    this.said.textContent = '';
    this.#move(0);
    if (here) this.handle.focus({ preventScroll: true });
  }

  async submit() {
    const round = this.round;
    this.state = 'checking';
    this.#look('busy');
    let proof;
    try {
      proof = await this.config.source.check(this.left);
    } catch (trouble) {
      if (round === this.round) this.#fail(trouble);
      return;
    }
    if (round !== this.round) return;
    if (proof) {
      this.state = 'passed';
      this.#look('right');
      this.said.textContent = '验证成功';
      this.#gate('验证成功', 'passed');
      setTimeout(() => this.state === 'passed' && round === this.round && this.hide(), 700);
      this.config.passed(proof);
    } else {
      this.#look('wrong');
      this.said.textContent = '没有对准，请再试一次';
      this.config.missed();
      setTimeout(() => round === this.round && this.next(), 1100);
    }
  }

  // --- parts of it ---

  #listen() {
    let from = null; // where the pointer went down, and where the piece was
    const handle = this.handle;
    handle.addEventListener('pointerdown', (event) => {
      if (this.state !== 'ready' || !event.isPrimary || event.button !== 0) return;
      handle.setPointerCapture(event.pointerId);
      from = { x: event.clientX, left: this.left };
      this.#look('moving');
    });
    const follow = (event) => {
      const travel = this.track.offsetWidth - handle.offsetWidth;
      this.#move(from.left + (event.clientX - from.x) / travel * this.#most());
    };
    const cancel = () => {
      if (!from) return;
      this.#move(from.left);
      this.#look('');
      from = null;
    };
    handle.addEventListener('pointermove', (event) => { if (from) follow(event); });
    handle.addEventListener('pointercancel', cancel);
    handle.addEventListener('pointerup', (event) => {
      if (!from) return;
      if (Math.abs(event.clientX - from.x) < 3) return cancel(); // a touch, not a slide
      follow(event);
      from = null;
      this.#look('');
      this.submit();
    });
    handle.addEventListener('keydown', (event) => {
      if (this.state !== 'ready' || event.altKey || event.ctrlKey || event.metaKey) return;
      const to = {
        ArrowRight: this.left + STEP, ArrowUp: this.left + STEP, ArrowLeft: this.left - STEP, ArrowDown: this.left - STEP,
        PageUp: this.left + LEAP, PageDown: this.left - LEAP, Home: 0, End: this.#most(),
      }[event.key];
      if (to !== undefined) {
        this.#move(to);
      } else if (event.key === 'Enter' || event.key === ' ') {
        if (this.left > 0) this.submit();
      } else {
        return;
      }
      event.preventDefault();
    });
    handle.addEventListener('focus', () => { if (handle.matches(':focus-visible')) this.hint.textContent = KEYS; });
    handle.addEventListener('blur', () => { this.hint.textContent = HINT; });
    this.hint.textContent = HINT;
    this.gate.addEventListener('click', () => {
      if (this.state === 'passed') return;
      if (this.isOpen()) this.#abandon();
      else this.open();
    });
    this.refresh.addEventListener('click', () => { if (this.state === 'ready') this.next(); });
    this.retry.addEventListener('click', () => this.next());
    this.close.addEventListener('click', () => this.#abandon());
    this.dialog.addEventListener('cancel', (event) => { event.preventDefault(); this.#abandon(); });
    // A panel under its button has no dialog to hear the key.
    this.panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && !this.config.modal && !this.config.hideClose) this.#abandon();
    });
  }

  #abandon() {
    if (this.state === 'passed') return;
    const failed = this.state === 'failed';
    this.hide();
    if (!failed) this.reset();
    this.config.closed();
  }

  #fail(trouble) {
    const known = trouble instanceof Trouble ? trouble : new Trouble('error', '图片加载失败，请重试');
    this.state = 'failed';
    this.#look('');
    this.#veil(known.message, !known.over);
    this.#gate(known.over ? known.message : '验证出错，点击重试', 'failed');
    this.config.troubled(known);
  }

  #veil(why, again) {
    this.why.textContent = why;
    this.retry.hidden = !again;
    this.veil.hidden = false;
    if (again && this.panel.contains(this.host.shadowRoot.activeElement)) this.retry.focus();
  }

  #gate(text, look = '') {
    this.label.textContent = text;
    this.all.className = `all ${look}`;
  }

  #look(look) {
    this.panel.className = `panel ${look}`;
  }

  #most() {
    return Math.max(1, (this.background.naturalWidth || WIDTH) - (this.piece.naturalWidth || PIECE));
  }

  #move(left) {
    this.left = Math.min(this.#most(), Math.max(0, left));
    const share = this.left / this.#most();
    this.hint.hidden = share > 0;
    this.piece.style.left = `${this.left / (this.background.naturalWidth || WIDTH) * 100}%`;
    this.handle.style.left = `calc((100% - ${this.handle.offsetWidth || 54}px + 2px) * ${share} - 1px)`;
    this.fill.style.width = `calc((100% - ${this.handle.offsetWidth || 54}px) * ${share} + 8px)`;
    this.handle.setAttribute('aria-valuenow', String(Math.round(share * 100)));
    this.handle.setAttribute('aria-valuetext', `已移动百分之${Math.round(share * 100)}`);
  }
}

// --- what both generations' captchaObj can do ----------------------------------------------------------------

// `as` names the fields of a proof for getValidate() and forms; `source` gives pictures; `config` is the page's.
function captcha(config, source, as) {
  const heard = { ready: [], nextReady: [], success: [], fail: [], error: [], close: [] };
  const tell = (what, value) => heard[what].forEach((listener) => listener(value));
  const product = config.product || 'popup';
  let result = false, ready = false, form = null;

  const slider = new Slider({
    source,
    width: config.width,
    panelWidth: config.nextWidth || config.next_width,
    modal: ['popup', 'bind', 'custom'].includes(product),
    bare: product === 'bind',
    hideClose: config.hideClose || (config.hideBar || []).includes('close'),
    hideRefresh: config.hideRefresh || (config.hideBar || []).includes('refresh'),
    shown: () => tell('nextReady'),
    passed: (proof) => { result = as(proof); fillForm(); tell('success', result); },
    missed: () => tell('fail'),
    troubled: (trouble) => tell('error', described(trouble)),
    closed: () => tell('close'),
  });

  function becomeReady() {
    if (ready) return;
    ready = true;
    tell('ready');
  }

  function fillForm() {
    if (!form) return;
    let box = form.querySelector(':scope > .geetest_form');
    if (!box) form.append(box = Object.assign(document.createElement('div'), { className: 'geetest_form' }));
    box.replaceChildren(...Object.entries(result || as(null)).map(([name, value]) =>
      Object.assign(document.createElement('input'), { type: 'hidden', name, value })));
  }

  // An element, a selector, or a list of elements such as jQuery's.
  function found(position) {
    const element = typeof position === 'string' ? document.querySelector(position) : position && (position[0] || position);
    if (!(element instanceof Element)) throw new Error(`geetest: no such element: ${position}`);
    return element;
  }

  const listen = (what) => (listener) => { heard[what].push(listener); return object; };
  const open = () => { slider.open(); return object; };
  const object = {
    appendTo(position) {
      const place = found(position);
      if (product !== 'bind') place.append(slider.host);
      if (product === 'embed') slider.open();
      setTimeout(becomeReady);
      return object;
    },
    bindForm(position) {
      form = found(position);
      fillForm();
      return object;
    },
    getValidate: () => result,
    reset() {
      result = false;
      fillForm();
      slider.reset();
      if (product === 'embed' && slider.host.isConnected) slider.open();
      return object;
    },
    destroy() {
      result = false;
      Object.values(heard).forEach((listeners) => { listeners.length = 0; });
      slider.remove();
    },
    verify: open,
    showCaptcha: open,
    showBox: open,
    onReady(listener) {
      if (ready) setTimeout(listener);
      else heard.ready.push(listener);
      return object;
    },
    onNextReady: listen('nextReady'),
    onSuccess: listen('success'),
    onFail: listen('fail'),
    onError: listen('error'),
    onClose: listen('close'),
  };
  if (product === 'bind') setTimeout(becomeReady);
  return object;
}
