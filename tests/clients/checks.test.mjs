// What a job does with the TypeScript client, one after the other: people leave on the way. Run by tests/conformance/test_typescript_client.py.
import assert from 'node:assert/strict';
import {after, test} from 'node:test';
import {setTimeout as sleep} from 'node:timers/promises';
import {AccountDarkError, AdToken, AdTokenError, KeyRefusedError, UnreachableError, leasedFetch, verifyWebhook} from 'adtoken-client';

const world = JSON.parse(process.env.WORLD);
let ahead = 0;
const options = {url: world.url, key: world.key, clock: () => Date.now() / 1000 + ahead};
const adtoken = new AdToken(options);
after(() => adtoken.close());

async function control(method, path, body) {
  const answer = await fetch(`${world.sandbox}/_control/${path}`, {
    method, headers: {'content-type': 'application/json'}, body: body && JSON.stringify(body),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.json();
}

async function leaves(channel, nativeId) {
  const {native_user} = await adtoken.lease(channel, nativeId);
  await control('POST', `users/${channel}/${native_user.split(' ')[0].toLowerCase()}/cancel_authorisation`, {});
  await control('DELETE', 'calls');
}

const statuses = async path => (await control('GET', `calls?path=${path}`)).map(call => call.status);

async function handedOut(nativeId) {
  const {hand_outs} = await adtoken.call('GET', '/hand-outs');
  return hand_outs.filter(row => row.kind === 'lease' && row.native_id === nativeId).length;
}

test('a lease is kept, renewed ahead while it serves, and shared by all who ask', {timeout: 60_000}, async () => {
  const before = await handedOut(world.facebook_too);
  const lease = () => adtoken.lease('facebook', world.facebook_too);
  const first = await Promise.all(Array.from({length: 50}, lease));
  assert.equal(new Set(first).size, 1);
  assert.equal(await handedOut(world.facebook_too), before + 1);
  assert.ok(!JSON.stringify(first[0]).includes('Bearer'));

  ahead = 14.7 * 60;
  assert.equal(await lease(), first[0]);
  while ((await lease()) === first[0]) await sleep(50);
  assert.equal(await handedOut(world.facebook_too), before + 2);
  ahead = 0;
});

test('a batch gives leases and problems in their order', async () => {
  const names = [{channel: 'facebook', native_id: world.facebook}, {channel: 'x', native_id: 'nobody'}, {channel: 'x', native_id: world.x}];
  const [facebook, nobody, x] = await adtoken.leases(names);
  assert.deepEqual([facebook.signs, nobody.code, x.signs], [false, 'not_found', true]);
  assert.ok(nobody instanceof AdTokenError);
});

test('calls go on with the next person by one retry each, and an account that stands still is told with reason and steps', async () => {
  const {base_url} = await adtoken.lease('facebook', world.facebook);
  const facebook = leasedFetch(adtoken, 'facebook', world.facebook);
  const path = `act_${world.facebook}/campaigns`;
  const before = await handedOut(world.facebook);
  await leaves('facebook', world.facebook);
  const answers = await Promise.all(Array.from({length: 5}, () => facebook(`${base_url}/${path}?access_token=odd`)));
  assert.deepEqual(answers.map(answer => answer.status), [200, 200, 200, 200, 200]);
  assert.equal(await handedOut(world.facebook), before + 1);

  await leaves('facebook', world.facebook);
  const body = new URLSearchParams({name: 'Autumn', objective: 'OUTCOME_TRAFFIC', status: 'PAUSED', special_ad_categories: '[]'});
  const made = await facebook(`${base_url}/${path}`, {method: 'POST', body});
  assert.equal(made.status, 200, await made.text());
  assert.deepEqual(await statuses(path), [400, 200]);

  await leaves('facebook', world.facebook);
  await adtoken.call('POST', `/accounts/facebook/${world.facebook}/pause`, {});
  const dark = await facebook(`${base_url}/${path}`).catch(error => error);
  assert.ok(dark instanceof AccountDarkError, String(dark));
  assert.deepEqual([dark.code, dark.reason], ['person_needed', 'paused']);
});

test('requests to X are signed, before and after a death', async () => {
  const {base_url} = await adtoken.lease('x', world.x);
  const x = leasedFetch(adtoken, 'x', world.x);
  const {data} = await (await x(`${base_url}/accounts/${world.x}/funding_instruments?count=1`)).json();
  await leaves('x', world.x);
  const body = new URLSearchParams({name: 'Autumn & spring', funding_instrument_id: data[0].id});
  const made = await x(`${base_url}/accounts/${world.x}/campaigns`, {method: 'POST', body});
  const read = await x(new Request(`${base_url}/accounts/${world.x}/campaigns?count=1`));
  assert.equal(read.status, 200, await read.text());
  assert.equal(made.status, 201, await made.text());
});

test('an error of TikTok is known although its status is 200', async () => {
  const {base_url} = await adtoken.lease('tiktok', world.tiktok);
  const tiktok = leasedFetch(adtoken, 'tiktok', world.tiktok);
  await leaves('tiktok', world.tiktok);
  const answer = await tiktok(`${base_url}/advertiser/info/?advertiser_ids=["${world.tiktok}"]`);
  assert.equal((await answer.json()).code, 0);
  assert.deepEqual(await statuses('advertiser/info'), [200, 200]);
});

test('other hosts get nothing of a lease', async () => {
  const seen = [];
  const spy = async (url, {headers}) => (seen.push(new Headers(headers).get('authorization')), new Response('{}'));
  const linkedin = leasedFetch(adtoken, 'linkedin', world.linkedin, {fetch: spy});
  await linkedin('https://uploads.example/1');
  await linkedin(`${(await adtoken.lease('linkedin', world.linkedin)).base_url}/adAccounts`);
  assert.deepEqual([seen[0], seen[1].startsWith('Bearer ')], [null, true]);
});

test('a webhook is verified, and nothing else', () => {
  const {secret, headers, body} = world.webhook;
  assert.equal(verifyWebhook(secret, body, headers).type, 'account.shifted');
  assert.throws(() => verifyWebhook(secret, body + ' ', headers), /signature/);
  assert.throws(() => verifyWebhook(secret, body, {...headers, 'webhook-timestamp': '1'}), /old/);
  assert.throws(() => verifyWebhook('whsec_' + btoa('other'), body, headers), /signature/);
});

test('accounts, events and a wrong key', async () => {
  const states = [];
  for await (const account of adtoken.accounts({channel: 'x'})) states.push(account.state);
  assert.deepEqual(states, ['connected']);
  assert.equal((await adtoken.account('facebook', world.facebook)).pool.length, 3);
  assert.ok((await adtoken.events()).events.some(event => event.type === 'account.shifted'));
  await assert.rejects(new AdToken({...options, key: 'adt_wrong'}).lease('x', world.x), KeyRefusedError);
  await assert.rejects(new AdToken({...options, url: 'http://127.0.0.1:1', wait: 0}).lease('x', world.x), UnreachableError);
});
