// Meta's own client (facebook-nodejs-business-sdk) against the stand-in Facebook. Re-pointed by its getters GRAPH and VERSION.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import sdk from 'facebook-nodejs-business-sdk';
import {apps, base, control, action, issue} from './sandbox.mjs';

const {AdAccount, FacebookAdsApi, User} = sdk;
const VERSION = 'v26.0'; // its last release on npm says v24.0, which the Marketing API retired on 2026-11-10
const LUMEN = 'act_203847561029384';
const FIELDS = ['account_id', 'name', 'account_status', 'currency', 'user_tasks'];

const set = (name, value) => Object.defineProperty(FacebookAdsApi, name, {get: () => value, configurable: true});
set('GRAPH', `${base}/facebook`);
set('VERSION', VERSION);
await control('PUT', 'apps/facebook', {proof_required: false}); // the client sends no appsecret_proof

const start = async user => FacebookAdsApi.init((await issue('facebook', user)).access_token, 'en_US', false);
const list = () => new User('me').getAdAccounts(FIELDS, {limit: 2});
const refused = async call => {
  const error = await call().then(() => assert.fail('it was answered'), one => one);
  assert.equal(error.constructor.name, 'FacebookRequestError');
  return [error.status, error.response.code, error.response.error_subcode];
};

test('all pages of ad accounts are read', async () => {
  await start('ada');
  let page = await list();
  const names = page.map(row => row.name);
  while (page.hasNext()) names.push(...(page = await page.next()).map(row => row.name));
  assert.ok(names.includes('Lumen Shoes EU') && names.length === new Set(names).size && names.length >= 4);
});

test('one ad account is read', async () => {
  await start('ada');
  const account = await new AdAccount(LUMEN).get(FIELDS);
  assert.deepEqual([account.id, account.name, account.currency], [LUMEN, 'Lumen Shoes EU', 'EUR']);
});

test('an unknown field refuses the whole call', async () => {
  await start('ada');
  assert.deepEqual(await refused(() => new AdAccount(LUMEN).get(['name', 'nope'])), [400, 100, undefined]);
});

test('a campaign is made and read', async () => {
  await start('ada');
  const made = await new AdAccount(LUMEN).createCampaign(['name'], {
    name: 'Autumn', objective: 'OUTCOME_TRAFFIC', status: 'PAUSED', special_ad_categories: [],
  });
  const rows = await new AdAccount(LUMEN).getCampaigns(['name']);
  assert.deepEqual(rows.map(row => [row.id, row.name]), [[made.id, 'Autumn']]);
});

test('a retired version is refused by its code', async () => {
  await start('ada');
  set('VERSION', 'v19.0');
  try {
    assert.deepEqual((await refused(list)).slice(0, 2), [400, 2635]);
  } finally {
    set('VERSION', VERSION);
  }
});

test('the ends of a token come with their sub-codes', async () => {
  for (const [name, subcode] of [['change_password', 460], ['cancel_authorisation', 458], ['log_out', 467]]) {
    await start('ben');
    await action('facebook', 'ben', name);
    assert.deepEqual(await refused(list), [400, 190, subcode]);
  }
});

test('the token of nobody is 190', async () => {
  FacebookAdsApi.init('EAAnobody', 'en_US', false);
  assert.deepEqual(await refused(list), [400, 190, undefined]);
  assert.equal(apps.facebook.length, 2);
});
