// Who is signed in, and signing in as one of the demo shop's users.

import { change, send, shop, subscribe } from './shop.js';
import { showSlider } from './slider.js';

const byId = (id) => document.getElementById(id);
const [button, panel, says, users, place, leave] =
  ['people-button', 'people', 'people-says', 'demo-users', 'people-slider', 'sign-out'].map(byId);

let demoPassword = '';
let wanted = ''; // the demo user who is to be signed in once the slider is solved
let lost = false; // the session ended without being asked to

export function toggle(open = panel.hidden) {
  panel.hidden = !open;
  button.setAttribute('aria-expanded', String(open));
}

async function signIn() {
  const username = wanted;
  wanted = '';
  const body = JSON.stringify({ username, password: demoPassword, ...shop.proof });
  try {
    const { json } = await send('POST', '/login', body);
    if (json && json.code === 1000) {
      lost = false;
      toggle(false);
      button.focus();
    } else says.textContent = `没有登录：${json ? json.msg : '没有应答'}`;
  } catch {
    says.textContent = '没有登录：接口没有应答';
  }
}

function choose(username) {
  wanted = username;
  says.textContent = '';
  if (!shop.captchaScript || shop.proof) void signIn();
  else void showSlider(place);
}

function show() {
  if (wanted && shop.proof) void signIn();
  const { session } = shop;
  button.textContent = session ? session.username : lost ? '登录已失效' : '未登录';
  button.classList.toggle('good', Boolean(session));
  leave.hidden = !session;
  if (session) says.textContent = `已登录：${session.username}。令牌会随本页的每个请求发出，商城页面也已登录。`;
  else if (lost) says.textContent = '登录已失效，请重新登录。';
  else if (!wanted) says.textContent = '选一位演示用户登录，或者在第 1 步注册一位新用户。';
}

// `demo`: the demo shop's users and their password; nobody where the shop has none.
export async function showPeople(demo) {
  demoPassword = demo.password;
  users.replaceChildren(...demo.users.map(({ username, name }) => {
    const choice = Object.assign(document.createElement('button'), { type: 'button', textContent: `${username} · ${name}` });
    choice.onclick = () => choose(username);
    const row = document.createElement('li');
    row.append(choice);
    return row;
  }));
  button.onclick = () => toggle();
  panel.onkeydown = (event) => {
    if (event.key !== 'Escape') return;
    toggle(false);
    button.focus();
  };
  leave.onclick = async () => {
    await send('DELETE', '/logout').catch(() => {});
    lost = false;
    change({ session: null });
  };
  let before = Boolean(shop.session);
  subscribe(() => {
    lost = !shop.session && (lost || before) && document.activeElement !== leave;
    before = Boolean(shop.session);
    show();
  });
  show();
  if (shop.session) await send('GET', '/userinfo').catch(() => {}); // a dead token is forgotten, and said
}
