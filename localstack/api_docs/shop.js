// What the page knows while it is open: the API's address, who is signed in, the solved slider. Whoever wants to know of
// changes subscribes.

const SESSION = 'session'; // where the shop front keeps it too: who signs in on one page is signed in on the other

export const shop = {
  api: '',
  captchaScript: '', // address of Geetest's library; empty where the captcha is off
  session: storedSession(), // {token, expire_date, username, head_img}, or null
  proof: null, // the fields of the solved slider
};

function storedSession() {
  try {
    const stored = JSON.parse(localStorage.getItem(SESSION));
    return stored && stored.token ? stored : null;
  } catch {
    return null;
  }
}

const listeners = [];

export function subscribe(listener) {
  listeners.push(listener);
}

export function change(values) {
  Object.assign(shop, values);
  if (shop.session) localStorage.setItem(SESSION, JSON.stringify(shop.session));
  else localStorage.removeItem(SESSION);
  for (const listener of listeners) listener();
}

// Another tab, or the shop front, signed in or out.
addEventListener('storage', (event) => {
  if (event.key === SESSION) change({ session: storedSession() });
});

// The operations that want a solved slider.
export function takesProof(method, path) {
  return method === 'POST' && /^\/(register|login|coupons\/[^/]+\/claim)\/?$/.test(path);
}

// A body with the solved slider's values in place of whatever stood there.
export function withProof(body) {
  return shop.proof ? { ...body, ...shop.proof } : body;
}

const [SUCCESS, CAPTCHA_FAILED, NOT_SIGNED_IN] = [1000, 1001, 401];

// Every answer passes here: a new token is kept, a dead one forgotten; a slider that did its work, or was refused, is
// used up.
export function learnFrom(method, path, answer) {
  if (!answer) return;
  if (answer.code === CAPTCHA_FAILED && takesProof(method, path) && shop.proof) change({ proof: null });
  if (answer.code === NOT_SIGNED_IN && shop.session) change({ session: null });
  if (answer.code !== SUCCESS) return;
  if (takesProof(method, path)) change({ proof: null });
  if (answer.data && answer.data.token) {
    const { token, expire_date, userinfo } = answer.data;
    change({ session: { token, expire_date, ...userinfo } });
  }
  if (path.startsWith('/logout')) change({ session: null });
}

// One request -> {status, text, json}; json is null when the answer is none.
export async function send(method, path, body) {
  const headers = {};
  if (shop.session) headers.Authorization = shop.session.token;
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
