// What the clients' tests share: the stand-in channels' addresses, their control API, and a person who presses Allow.
import assert from 'node:assert/strict';

assert.ok(globalThis.onlyLoopback, 'start it with --require loopback.cjs');

export const {base, apps, callback} = JSON.parse(process.env.ADTOKEN_SANDBOX);

/** One call of the control API (sandbox/README.md). */
export async function control(method, path, body) {
  const answer = await fetch(`${base}/_control/${path}`, {
    method,
    headers: {'content-type': 'application/json'},
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

/** A token without the consent page; ad accounts and scopes as in `more`. */
export const issue = (channel, user = 'ada', more = {}) => control('POST', 'tokens/issue', {channel, user, ...more});

/** An action of or to a person: cancel_authorisation, change_password ... */
export const action = (channel, user, name) => control('POST', `users/${channel}/${user}/${name}`, {});

/** Let the person answer the page at `address`; returns what the redirect brings back. */
export async function consent(address, user = 'ada', more = {action: 'allow'}) {
  const {origin, pathname, searchParams} = new URL(address);
  const form = new URLSearchParams([...searchParams, ['user', user], ...Object.entries(more)]);
  const answer = await fetch(origin + pathname, {method: 'POST', body: form, redirect: 'manual'});
  assert.equal(answer.status, 302, await answer.text());
  return Object.fromEntries(new URL(answer.headers.get('location')).searchParams);
}

/** Answer `fetch` for the vendors' addresses in `hosts` by the stand-in: for clients that have no setting for them. */
export function repoint(hosts) {
  const real = globalThis.fetch;
  globalThis.fetch = (asked, options) => {
    const url = new URL(asked instanceof Request ? asked.url : asked);
    const target = hosts[url.origin];
    if (target === undefined) return real(asked, options);
    const address = target + url.pathname + url.search;
    return real(asked instanceof Request ? new Request(address, asked) : address, options);
  };
}
