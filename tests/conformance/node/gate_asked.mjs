// Meta's, LinkedIn's and TikTok's own clients through AdToken's gate: the base address and the token are all that is another. Each line that comes in is
// one call, [name, argument]; each line that goes out its answer, or {error}.
import assert from 'node:assert/strict';
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

assert.ok(globalThis.onlyLoopback, 'start it with --require loopback.cjs');
const {client, base, credential: accessToken, account, other} = JSON.parse(process.env.ADTOKEN_GATE);
const made = {facebook, linkedin, tiktok};

async function facebook() {
  const {AdAccount, FacebookAdsApi} = (await import('facebook-nodejs-business-sdk')).default;
  const set = (name, value) => Object.defineProperty(FacebookAdsApi, name, {get: () => value, configurable: true});
  set('GRAPH', `${base}/facebook`);
  set('VERSION', 'v26.0');
  FacebookAdsApi.init(accessToken, 'en_US', false);
  const mine = new AdAccount(account);
  const fields = {objective: 'OUTCOME_TRAFFIC', status: 'PAUSED', special_ad_categories: []};
  return {
    write: name => mine.createCampaign(['name'], {...fields, name}),
    async page(before) {  // by the address in each answer
      const rows = before ? await before.next() : await mine.getCampaigns(['name'], {limit: 2});
      return [rows.map(row => row.name), rows.hasNext() ? rows : undefined];
    },
    elsewhere: () => new AdAccount(other).get(['name']),
  };
}

async function linkedin() {
  createRequire(import.meta.url)('linkedin-api-client/dist/lib/utils/constants.js').VERSIONED_BASE_URL = `${base}/linkedin/rest`;
  const rest = new (await import('linkedin-api-client')).default.RestliClient();
  const how = {accessToken, versionString: '202607'};
  const resourcePath = `/adAccounts/${account}/adCampaigns`;
  return {
    write: name => rest.create({resourcePath, entity: {name, status: 'PAUSED'}, ...how}),
    async page(pageToken) {
      const queryParams = {pageSize: 2, ...(pageToken && {pageToken})};
      const {data} = await rest.finder({resourcePath, finderName: 'search', queryParams, ...how});
      return [data.elements.map(row => row.name), data.metadata.nextPageToken];
    },
    elsewhere: () => rest.get({resourcePath: `/adAccounts/${other}`, ...how}),
  };
}

async function tiktok() {
  const {ApiClient} = await import('tiktok-business-api-sdk-official/src/ApiClient.js');
  const {CampaignCreationApi} = await import('tiktok-business-api-sdk-official/src/api/CampaignCreationApi.js');
  const led = new ApiClient();
  led.basePath = `${base}/tiktok`;
  const api = new CampaignCreationApi(led);
  const ask = start => new Promise((resolve, reject) => start((error, data) => error ? reject(error) : resolve(data)));
  const read = (id, page) => ask(done => api.campaignGet(id, accessToken, {page, page_size: 2}, done));
  return {
    write: campaign_name => ask(done => api.campaignCreate(accessToken, {
      body: {advertiser_id: account, campaign_name, objective_type: 'TRAFFIC', request_id: '1'},
    }, done)),
    async page(number = 1) {
      const {list, page_info} = (await read(account, number)).data;
      return [list.map(row => row.campaign_name), number < page_info.total_page ? number + 1 : undefined];
    },
    elsewhere: () => read(other, 1),
  };
}

const calls = await made[client]();
calls.names = async () => {
  const names = [];
  let rows, more;
  do {
    [rows, more] = await calls.page(more);
    names.push(...rows);
  } while (more);
  return names;
};
for await (const line of createInterface({input: process.stdin})) {
  const [name, argument] = JSON.parse(line);
  const answer = await calls[name](argument).then(
    found => name === 'names' ? found : null, error => ({error: `${error.message} ${error.response?.text ?? JSON.stringify(error.response?.data)}`}),
  );
  console.log(JSON.stringify(answer));
}
