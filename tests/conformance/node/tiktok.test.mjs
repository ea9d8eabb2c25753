// TikTok's own client (tiktok-business-api-sdk-official) against the stand-in TikTok, by its documented `basePath`.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {ApiClient} from 'tiktok-business-api-sdk-official/src/ApiClient.js';
import {AccountManagementApi} from 'tiktok-business-api-sdk-official/src/api/AccountManagementApi.js';
import {AuthenticationApi} from 'tiktok-business-api-sdk-official/src/api/AuthenticationApi.js';
import {apps, base, callback, consent, control, action, issue} from './sandbox.mjs';

const [appId, secret] = apps.tiktok;
const client = new ApiClient();
client.basePath = `${base}/tiktok`;
await control('PUT', 'apps/tiktok', {redirect_uris: [callback]});
const {accounts} = await control('GET', 'state');
const LUMEN = accounts.find(row => row.channel === 'tiktok' && row.name === 'Lumen Shoes EU').id;

/** The answer to a call of the client. What TikTok refuses with HTTP 200 the client throws, with the code in its words. */
const ask = start => new Promise((resolve, reject) => {
  const settle = (error, data, response) => error ? settleError(error) : resolve(response.body);
  const settleError = error => {
    const found = /code: (\d+)/.exec(error.message);
    return found ? resolve({code: Number(found[1])}) : reject(error);
  };
  start(settle);
});
const code = auth_code => ask(done => new AuthenticationApi(client).oauth2AccessToken(
  {body: {app_id: appId, secret, auth_code}}, done));
const granted = token => ask(done => new AuthenticationApi(client).oauth2AdvertiserGet(appId, secret, token, done));
const facts = (token, opts = {}) => ask(done => new AccountManagementApi(client).advertiserInfo([LUMEN], token, opts, done));

test('an auth_code gives a token once, for the ad accounts that were ticked', async () => {
  const page = `${base}/tiktok/portal/auth?app_id=${appId}&state=abc&redirect_uri=${encodeURIComponent(callback)}`;
  const back = await consent(page, 'ada', {action: 'allow', accounts: LUMEN});
  const given = await code(back.auth_code);
  assert.deepEqual([given.code, given.data.advertiser_ids], [0, [LUMEN]]);
  assert.equal((await code(back.auth_code)).code, 40110);
});

test('ad accounts are listed and read', async () => {
  const {access_token: token} = await issue('tiktok');
  assert.ok((await granted(token)).data.list.some(row => row.advertiser_id === LUMEN));
  assert.equal((await facts(token)).data.list[0].name, 'Lumen Shoes EU');
});

test('only fields that exist may be asked for', async () => {
  const {access_token: token} = await issue('tiktok');
  const row = (await facts(token, {fields: ['name', 'currency']})).data.list[0];
  assert.deepEqual(Object.keys(row).sort(), ['advertiser_id', 'currency', 'name']);
  assert.equal((await facts(token, {fields: ['name', 'nope']})).code, 40002);
});

test('dead and missing tokens come by their codes, with HTTP 200', async () => {
  const {access_token: token} = await issue('tiktok', 'ben');
  await action('tiktok', 'ben', 'cancel_authorisation');
  assert.equal((await granted(token)).code, 40105);
  assert.equal((await granted('nobody')).code, 40105);
});
