// The slider's panel: starts the captcha at the API, shows Geetest's widget, and what it gave.

import { change, send, shop, subscribe } from './shop.js';

const byId = (id) => document.getElementById(id);
const [says, widget, values, again] = ['slider-says', 'slider-widget', 'slider-values', 'slider-again'].map(byId);

let library = null;
let round = 0; // a widget of an earlier round has nothing to say any more

function load(address) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = address;
    script.onload = resolve;
    script.onerror = () => {
      library = null;
      reject(new Error(`Geetest's library cannot be loaded from ${address}.`));
    };
    document.head.append(script);
  });
  return library;
}

function make(started, solved) {
  const { success, gt, challenge } = started;
  const ready = (captcha) => {
    captcha.appendTo(widget);
    captcha.onSuccess(() => {
      const proof = captcha.getValidate();
      // Offline, version 4 has a lot of the widget's own: the shop knows its challenge only.
      solved('lot_number' in proof && !success ? { ...proof, lot_number: challenge } : proof);
    });
  };
  if (window.initGeetest4) {
    window.initGeetest4({ captchaId: gt, product: 'float', nativeButton: { width: '100%' }, nextWidth: '100%' }, ready);
  } else {
    const look = { product: 'float', width: '100%', next_width: '100%' };
    window.initGeetest({ gt, challenge, offline: !success, new_captcha: true, ...look }, ready);
  }
}

// Ask the API for a challenge and show its slider.
export async function startSlider() {
  const mine = ++round;
  change({ proof: null });
  widget.replaceChildren();
  again.hidden = true;
  if (!shop.captchaScript) {
    says.textContent = 'The captcha is off in this shop (CAPTCHA=off): nothing to solve, and the fields are not read.';
    return;
  }
  says.textContent = 'Asking GET /api/captcha_check/ …';
  try {
    const { json } = await send('GET', '/api/captcha_check/');
    await load(shop.captchaScript);
    if (mine !== round) return;
    const started = json.data;
    says.textContent = started.success
      ? 'Press the button and move the piece into the gap. The next request that wants it takes it along.'
      : 'Geetest is down, so this challenge is made by the shop itself: it serves to sign in, not to register or to claim.';
    make(started, (proof) => mine === round && change({ proof: fieldsOf(proof) }));
  } catch (trouble) {
    if (mine !== round) return;
    says.textContent = `The slider cannot be shown: ${trouble.message}`;
  }
  again.hidden = false;
}

function fieldsOf(proof) {
  const names = ['geetest_challenge', 'geetest_validate', 'geetest_seccode', 'lot_number', 'captcha_output', 'pass_token', 'gen_time'];
  return Object.fromEntries(names.filter((name) => name in proof).map((name) => [name, proof[name]]));
}

function show() {
  const rows = Object.entries(shop.proof || {}).map(([name, value]) => {
    const row = document.createElement('div');
    const term = Object.assign(document.createElement('dt'), { textContent: name });
    const text = Object.assign(document.createElement('dd'), { textContent: value });
    const copy = Object.assign(document.createElement('button'), { type: 'button', textContent: 'Copy' });
    copy.setAttribute('aria-label', `Copy ${name}`);
    copy.onclick = async () => {
      await navigator.clipboard.writeText(value);
      copy.textContent = 'Copied';
    };
    row.append(term, text, copy);
    return row;
  });
  values.replaceChildren(...rows);
  if (rows.length) says.textContent = 'Solved. These values go into the next request that takes them; they serve once.';
}

again.onclick = startSlider;
subscribe(show);
