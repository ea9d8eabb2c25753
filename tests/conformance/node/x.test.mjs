// twitter-api-v2 against the stand-in X. A plug-in, the client's own way to change requests,
// names the host; the client reads a form only from X's own, so the plug-in says that too.
import assert from 'node:assert/strict';
import http from 'node:http';
import {test} from 'node:test';
import {TwitterApi} from 'twitter-api-v2';
import {apps, base, callback, consent, control, action, issue} from './sandbox.mjs';

const [appKey, appSecret] = apps.x;
const HOSTS = /^https:\/\/(?:api|ads-api)\.x\.com/;
const settings = {
  httpAgent: new http.Agent(),
  plugins: [{
    onBeforeRequestConfig({params}) {
      params.url = params.url.replace(HOSTS, `${base}/x`);
      if (params.url.includes('/x/oauth/')) Object.assign(params, {forceParseMode: 'url', forceBodyMode: 'url'});
    },
  }],
};
await control('PUT', 'apps/x', {redirect_uris: [callback]});

const as = async user => {
  const pair = await issue('x', user);
  return new TwitterApi({appKey, appSecret, accessToken: pair.oauth_token, accessSecret: pair.oauth_token_secret}, settings);
};
const refused = async call => {
  const error = await call.then(() => assert.fail('it was answered'), one => one);
  return [error.code, error.data.error ?? error.data.errors[0].code];
};

test('three steps give a pair that works', async () => {
  const app = new TwitterApi({appKey, appSecret}, settings);
  const asked = await app.generateAuthLink(callback, {linkMode: 'authorize'});
  const page = `${base}/x/oauth/authorize?oauth_token=${asked.oauth_token}`;
  const back = await consent(page, 'ada', {action: 'authorize'});
  const step = new TwitterApi(
    {appKey, appSecret, accessToken: asked.oauth_token, accessSecret: asked.oauth_token_secret}, settings,
  );
  const {client, screenName} = await step.login(back.oauth_verifier);
  assert.equal(screenName, 'AdaOkafor');
  assert.equal((await client.v1.verifyCredentials()).screen_name, 'AdaOkafor');
});

test('the Ads API lists ad accounts and shows one', async () => {
  const client = await as('ada');
  const {data} = await client.ads.get('accounts', {count: '2'});
  assert.equal(data.length, 2);
  assert.equal((await client.ads.get('accounts/18ce54d4x5t')).data.name, 'Lumen Shoes EU');
});

test('a person who removed the app is 89, or unauthorised at the Ads API', async () => {
  const client = await as('ben');
  await action('x', 'ben', 'cancel_authorisation');
  assert.deepEqual(await refused(client.v1.verifyCredentials()), [401, 89]);
  assert.deepEqual(await refused(client.ads.get('accounts')), [401, 'UNAUTHORIZED_ACCESS']);
});

test('a version that is over has no route', async () => {
  const client = await as('chiara');
  const call = client.get(`${base}/x/11/accounts`);
  assert.deepEqual(await refused(call), [404, 'ROUTE_NOT_FOUND']);
});

test('a signature with a wrong secret is 32', async () => {
  const pair = await issue('x', 'ada');
  const wrong = new TwitterApi({appKey, appSecret: 'wrong', accessToken: pair.oauth_token, accessSecret: pair.oauth_token_secret}, settings);
  assert.deepEqual(await refused(wrong.v1.verifyCredentials()), [401, 32]);
});
