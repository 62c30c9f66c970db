// What the page knows while it is open: the API's address, the token, the solved slider. Whoever wants to
// know of changes subscribes.

const TOKEN = 'token'; // where the shop front keeps it too: its page after paying shows this learner's order

export const shop = {
  api: '',
  captchaScript: '', // address of Geetest's library; empty where the captcha is off
  token: localStorage.getItem(TOKEN) || '',
  user: '',
  proof: null, // the fields of the solved slider
};

const listeners = [];

export function subscribe(listener) {
  listeners.push(listener);
}

export function change(values) {
  Object.assign(shop, values);
  if (shop.token) localStorage.setItem(TOKEN, shop.token);
  else localStorage.removeItem(TOKEN);
  for (const listener of listeners) listener();
}

// The operations that want a solved slider.
export function takesProof(method, path) {
  return method === 'POST' && /^\/(register|login|coupons\/[^/]+\/claim)\/?$/.test(path);
}

// A body with the solved slider's values in place of whatever stood there.
export function withProof(body) {
  return shop.proof ? { ...body, ...shop.proof } : body;
}

const CAPTCHA_FAILED = 1001;

// Every answer passes here: a new token is kept; a slider that did its work, or was refused, is used up.
export function learnFrom(method, path, answer) {
  if (answer && answer.code === CAPTCHA_FAILED && takesProof(method, path) && shop.proof) change({ proof: null });
  if (!answer || answer.code !== 1000) return;
  if (takesProof(method, path)) change({ proof: null });
  if (answer.data && answer.data.token) change({ token: answer.data.token, user: answer.data.userinfo.username });
  if (path.startsWith('/logout')) change({ token: '', user: '' });
}

// One request -> {status, text, json, location}; json is null when the answer is none.
export async function send(method, path, body) {
  const headers = {};
  if (shop.token) headers.Authorization = shop.token;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const reply = await fetch(shop.api + path, { method, headers, body });
  const text = await reply.text();
  let json = null;
  try {
    json = JSON.parse(text);
  } catch { /* shown as it is */ }
  learnFrom(method, path.split('?')[0], json);
  return { status: reply.status, text, json };
}
