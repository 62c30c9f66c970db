// The slider: starts the captcha at the API and shows Geetest's widget in the place that wants it.

import { change, send, shop, subscribe } from './shop.js';

let library = null;
let round = 0; // a widget of an earlier round has nothing to say any more
const box = document.createElement('div');
const says = document.createElement('p');
const widget = document.createElement('div');
const again = Object.assign(document.createElement('button'), { type: 'button', textContent: '换一个滑动验证', hidden: true });
box.className = 'slider';
says.setAttribute('role', 'status');
box.append(says, widget, again);

function load(address) {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = address;
    script.onload = resolve;
    script.onerror = () => {
      library = null;
      reject(new Error(`不能从 ${address} 加载极验的脚本`));
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

// Ask the API for a challenge and show its slider in `place`. Nothing to do where the captcha is off.
export async function showSlider(place) {
  const mine = ++round;
  change({ proof: null });
  if (!shop.captchaScript) return;
  place.append(box);
  widget.replaceChildren();
  again.hidden = true;
  again.onclick = () => showSlider(place);
  says.textContent = '正在向接口要一个滑动验证 …';
  try {
    const { json } = await send('GET', '/api/captcha_check/');
    if (!json || !json.data) throw new Error(json ? json.msg : '没有应答');
    await load(shop.captchaScript);
    if (mine !== round) return;
    says.textContent = json.data.success
      ? '点按钮，把滑块移到缺口。下一个需要它的请求会自动带上。'
      : '极验暂时不可用，这是商城自己的验证：只能用来登录，不能注册或领券。';
    make(json.data, (proof) => mine === round && change({ proof: fieldsOf(proof) }));
  } catch (trouble) {
    if (mine !== round) return;
    says.textContent = `滑动验证显示不出来：${trouble.message}`;
  }
  again.hidden = false;
}

function fieldsOf(proof) {
  const names = ['geetest_challenge', 'geetest_validate', 'geetest_seccode', 'lot_number', 'captcha_output', 'pass_token', 'gen_time'];
  return Object.fromEntries(names.filter((name) => name in proof).map((name) => [name, proof[name]]));
}

// A used slider is of no use to anybody: it goes, the next one is asked for when it is wanted.
let solved = false;
subscribe(() => {
  if (solved && !shop.proof) box.remove();
  if (!solved && shop.proof) says.textContent = '验证通过，只能用一次。';
  solved = Boolean(shop.proof);
});
