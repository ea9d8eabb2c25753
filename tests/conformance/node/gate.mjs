// Meta's own client (facebook-nodejs-business-sdk) through AdToken's gate: its getters and the token are all that is another.
// It writes as many campaigns as it is told, reads them in pages of two, following the address in each answer, and prints their names.
import assert from 'node:assert/strict';
import sdk from 'facebook-nodejs-business-sdk';

assert.ok(globalThis.onlyLoopback, 'start it with --require loopback.cjs');
const {base, credential, count} = JSON.parse(process.env.ADTOKEN_GATE);
const {AdAccount, FacebookAdsApi} = sdk;
const set = (name, value) => Object.defineProperty(FacebookAdsApi, name, {get: () => value, configurable: true});
set('GRAPH', `${base}/facebook`);
set('VERSION', 'v26.0');
FacebookAdsApi.init(credential, 'en_US', false);

const account = new AdAccount('act_203847561029384');
for (let number = 0; number < count; number++) {
  const fields = {name: `Autumn ${number}`, objective: 'OUTCOME_TRAFFIC', status: 'PAUSED', special_ad_categories: []};
  await account.createCampaign(['name'], fields);
}
let page = await account.getCampaigns(['name'], {limit: 2});
const names = page.map(row => row.name);
while (page.hasNext()) names.push(...(page = await page.next()).map(row => row.name));
console.log(JSON.stringify(names));
