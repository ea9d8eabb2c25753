// Two OAuth libraries of others, arctic and openid-client (certified by the OpenID Foundation), against channels that speak OAuth 2.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import * as arctic from 'arctic';
import * as openid from 'openid-client';
import {apps, base, callback, consent, control, action, repoint} from './sandbox.mjs';

repoint({
  'https://www.facebook.com': `${base}/facebook`, 'https://graph.facebook.com': `${base}/facebook`,
  'https://www.linkedin.com': `${base}/linkedin`,
});
// A hyphen, a colon and a plus are what form-encoding and plain Base64 write differently.
const ODD = {linkedin: 'li-secret', pinterest: 'pin-secret:+%', snapchat: 'snap-secret'};
for (const channel of Object.keys(apps)) {
  const secret = ODD[channel] ?? apps[channel][1];
  await control('PUT', `apps/${channel}`, {redirect_uris: [callback], secret});
}
const LINKEDIN = ['r_ads', 'rw_ads', 'r_ads_reporting', 'openid', 'profile'];
const here = (url, channel) => String(url).replace(/^https:\/\/[^/]+/, `${base}/${channel}`);

test('arctic: Facebook, by an old version of the dialog', async () => {
  const client = new arctic.Facebook(...apps.facebook, callback);
  const page = here(client.createAuthorizationURL('abc', ['ads_management', 'ads_read']), 'facebook');
  const {code, state} = await consent(page, 'ada', {action: 'continue', scopes: 'ads_management'});
  const tokens = await client.validateAuthorizationCode(code);
  assert.equal(state, 'abc');
  assert.ok(tokens.accessToken());
  await assert.rejects(client.validateAuthorizationCode(code), arctic.UnexpectedErrorResponseBodyError);
});

test('arctic: LinkedIn', async () => {
  const client = new arctic.LinkedIn(apps.linkedin[0], ODD.linkedin, callback);
  const {code} = await consent(here(client.createAuthorizationURL('abc', LINKEDIN), 'linkedin'));
  const tokens = await client.validateAuthorizationCode(code);
  assert.ok((await client.refreshAccessToken(tokens.refreshToken())).accessToken());
  await action('linkedin', 'ada', 'cancel_authorisation');
  await assert.rejects(client.refreshAccessToken(tokens.refreshToken()), arctic.OAuth2RequestError);
});

// channel: consent page, token endpoint, scopes, and how the client proves who it is
const CHANNELS = {
  linkedin: ['oauth/v2/authorization', 'oauth/v2/accessToken', LINKEDIN.join(' '), openid.ClientSecretPost],
  pinterest: ['oauth', 'v5/oauth/token', 'ads:read,ads:write,user_accounts:read', openid.ClientSecretBasic], // without its slash
  snapchat: ['login/oauth2/authorize', 'login/oauth2/access_token', 'snapchat-marketing-api', openid.ClientSecretPost],
};

for (const [channel, [page, token, scope, proof]] of Object.entries(CHANNELS)) {
  test(`openid-client: ${channel}`, async () => {
    const server = {
      issuer: `${base}/${channel}`,
      authorization_endpoint: `${base}/${channel}/${page}`,
      token_endpoint: `${base}/${channel}/${token}`,
    };
    const [id, secret] = [apps[channel][0], ODD[channel]];
    const config = new openid.Configuration(server, id, secret, proof(secret));
    openid.allowInsecureRequests(config);
    config[openid.customFetch] = withoutIdToken;
    const asked = {scope, redirect_uri: callback, state: 'abc'};
    const back = await consent(openid.buildAuthorizationUrl(config, asked).href);
    const here = new URL(`${callback}?${new URLSearchParams(back)}`);
    const checks = {expectedState: 'abc'};

    const given = await openid.authorizationCodeGrant(config, here, checks);
    const renewed = await openid.refreshTokenGrant(config, given.refresh_token);

    assert.notEqual(renewed.access_token, given.access_token);
    await assert.rejects(openid.authorizationCodeGrant(config, here, checks));
    const wrong = new openid.Configuration(server, id, 'wrong', proof('wrong'));
    openid.allowInsecureRequests(wrong);
    await assert.rejects(openid.refreshTokenGrant(wrong, renewed.refresh_token));
  });
}

/** LinkedIn adds an id_token, which the stand-in does not sign: the client would check it. */
async function withoutIdToken(url, options) {
  const answer = await fetch(url, options);
  const body = await answer.json();
  delete body.id_token;
  return new Response(JSON.stringify(body), {status: answer.status, headers: answer.headers});
}
