// LinkedIn's own client (linkedin-api-client) against the stand-in LinkedIn. It has no setting: three constants are replaced.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import {test} from 'node:test';
import linkedin from 'linkedin-api-client';
import {apps, base, callback, consent, control, action, issue} from './sandbox.mjs';

const constants = createRequire(import.meta.url)('linkedin-api-client/dist/lib/utils/constants.js');
constants.OAUTH_BASE_URL = `${base}/linkedin/oauth/v2`;
constants.VERSIONED_BASE_URL = `${base}/linkedin/rest`;
constants.NON_VERSIONED_BASE_URL = `${base}/linkedin/v2`;
await control('PUT', 'apps/linkedin', {redirect_uris: [callback]});

const SCOPES = ['r_ads', 'rw_ads', 'r_ads_reporting', 'openid', 'profile'];
const LUMEN = 508720451;
const DAY = 86400;
const [clientId, clientSecret] = apps.linkedin;
const auth = new linkedin.AuthClient({clientId, clientSecret, redirectUrl: callback});
const rest = new linkedin.RestliClient();

/** The client joins scopes by commas; what comes back has both tokens. */
async function granted(user) {
  const back = await consent(auth.generateMemberAuthorizationUrl(SCOPES, 'abc'), user);
  assert.equal(back.state, 'abc');
  return auth.exchangeAuthCodeForAccessToken(back.code);
}

const account = (accessToken, versionString = '202609') =>
  rest.get({resourcePath: '/adAccounts/{id}', pathKeys: {id: LUMEN}, versionString, accessToken});
const refused = async call => {
  const {response} = await call.then(() => assert.fail('it was answered'), error => error);
  return [response.status, response.data.serviceErrorCode ?? response.data.code ?? response.data.error];
};

test('scopes joined by commas are the scopes that were asked for', async () => {
  const given = await granted('ada');
  assert.deepEqual(new Set(given.scope.split(',')), new Set(SCOPES));
  assert.ok(Math.abs(given.expires_in - 60 * DAY) < 5 && Math.abs(given.refresh_token_expires_in - 365 * DAY) < 5);
});

test('two consents with the same scopes leave each other alone, whatever parts them', async () => {
  const bySpaces = await issue('linkedin', 'ben', {scopes: SCOPES});
  await granted('ben');
  assert.equal((await account(bySpaces.access_token)).data.id, LUMEN);
});

test('a code is good once', async () => {
  const {code} = await consent(auth.generateMemberAuthorizationUrl(SCOPES, 'abc'));
  await auth.exchangeAuthCodeForAccessToken(code);
  assert.deepEqual(await refused(auth.exchangeAuthCodeForAccessToken(code)), [400, 'invalid_request']);
});

test('a refresh token gives another access token', async () => {
  const first = await granted('ada');
  const second = await auth.exchangeRefreshTokenForAccessToken(first.refresh_token);
  assert.notEqual(second.access_token, first.access_token);
  assert.equal((await account(second.access_token)).data.id, LUMEN);
});

test('introspection tells active from revoked', async () => {
  const {access_token: token} = await issue('linkedin', 'ben');
  assert.equal((await auth.introspectAccessToken(token)).data.status, 'active');
  await action('linkedin', 'ben', 'cancel_authorisation');
  assert.equal((await auth.introspectAccessToken(token)).data.status, 'revoked');
});

test('roles and ad accounts are found', async () => {
  const {access_token: accessToken} = await issue('linkedin');
  const find = (resourcePath, finderName) => rest.finder({resourcePath, finderName, versionString: '202609', accessToken});
  const roles = (await find('/adAccountUsers', 'authenticatedUser')).data.elements;
  const rows = (await find('/adAccounts', 'search')).data.elements;
  assert.ok(roles.some(row => row.account === `urn:li:sponsoredAccount:${LUMEN}`));
  assert.ok(rows.some(row => row.name === 'Lumen Shoes EU'));
});

test('only the fields asked for come', async () => {
  const {access_token: accessToken} = await issue('linkedin');
  const answer = await rest.get({
    resourcePath: '/adAccounts/{id}', pathKeys: {id: LUMEN}, queryParams: {fields: 'id,name'}, versionString: '202609', accessToken,
  });
  assert.deepEqual(Object.keys(answer.data).sort(), ['id', 'name']);
});

test('dead tokens, and versions that are over or yet to come, are refused by their codes', async () => {
  const {access_token: token} = await issue('linkedin');
  for (const version of ['202501', '202712', '202513']) assert.equal((await refused(account(token, version)))[0], 426);
  assert.deepEqual(await refused(account('nobody')), [401, 65600]);
  await action('linkedin', 'ada', 'cancel_authorisation');
  assert.deepEqual(await refused(account(token)), [401, 65601]);
});
