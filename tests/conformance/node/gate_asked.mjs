// Meta's, LinkedIn's and TikTok's own clients and twitter-api-v2 through AdToken's gate: the base address and the token are all that is another. Each line
// that comes in is one call, [name, argument]; each line that goes out its answer, {found} or {error}.
import assert from 'node:assert/strict';
import {createHash} from 'node:crypto';
import {readFileSync} from 'node:fs';
import http from 'node:http';
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

assert.ok(globalThis.onlyLoopback, 'start it with --require loopback.cjs');
const {client, base, credential: accessToken, account, other} = JSON.parse(process.env.ADTOKEN_GATE);
const made = {facebook, x, linkedin, tiktok};

async function facebook() {
  const {AdAccount, FacebookAdsApi, FacebookAdsApiBatch} = (await import('facebook-nodejs-business-sdk')).default;
  const set = (name, value) => Object.defineProperty(FacebookAdsApi, name, {get: () => value, configurable: true});
  set('GRAPH', `${base}/facebook`);
  set('VERSION', 'v26.0');
  const api = FacebookAdsApi.init(accessToken, 'en_US', false);
  const mine = new AdAccount(account);
  const fields = {objective: 'OUTCOME_TRAFFIC', status: 'PAUSED', special_ad_categories: []};
  return {
    write: async name => void await mine.createCampaign(['name'], {...fields, name}),
    async writeAll(names) {
      const done = [], batch = new FacebookAdsApiBatch(api);
      for (const name of names) {
        const params = {name, objective: 'OUTCOME_TRAFFIC'};
        batch.add('POST', [account, 'campaigns'], params, undefined, () => done.push(true), () => done.push(false));
      }
      await batch.execute();
      return done;
    },
    async page(before) {  // by the address in each answer
      const rows = before ? await before.next() : await mine.getCampaigns(['name'], {limit: 2});
      return [rows.map(row => row.name), rows.hasNext() ? rows : undefined];
    },
    elsewhere: () => new AdAccount(other).get(['name']),
  };
}

async function x() {
  const {TwitterApi} = await import('twitter-api-v2');
  const lead = {
    onBeforeRequestConfig({params}) {
      const [, host, path] = params.url.match(/^https:..(ads-api|api|upload)\.x\.com(.*)/);
      params.url = `${base}/${{'ads-api': 'x', api: 'x-api', upload: 'x-upload'}[host]}${path}`;
      params.forceBodyMode ??= {api: 'json', upload: 'form-data'}[host];  // which it knows by X's address alone
    },
  };
  const tokens = {appKey: 'any', appSecret: 'any', accessToken, accessSecret: 'any'};
  const {ads, v1, v2} = new TwitterApi(tokens, {httpAgent: new http.Agent(), plugins: [lead]});
  const mine = `accounts/${account}`;
  return {
    write: async name => void await ads.post(`${mine}/campaigns`, {name, funding_instrument_id: 'f4x5t', entity_status: 'PAUSED'}),
    async upload(file) {
      const {media_key} = await v1.uploadMedia(file, {mimeType: 'video/mp4', maxConcurrentUploads: 1}, true);
      await ads.post(`${mine}/media_library`, {media_key});
      await v2.uploadMedia(readFileSync(file), {media_type: 'video/mp4', media_category: 'amplify_video'});
    },
    async page(cursor) {
      const {data, next_cursor} = await ads.get(`${mine}/campaigns`, {count: '2', ...(cursor && {cursor})});
      return [data.map(row => row.name), next_cursor];
    },
    elsewhere: () => ads.get(`accounts/${other}`),
  };
}

async function linkedin() {
  createRequire(import.meta.url)('linkedin-api-client/dist/lib/utils/constants.js').VERSIONED_BASE_URL = `${base}/linkedin/rest`;
  const rest = new (await import('linkedin-api-client')).default.RestliClient();
  const how = {accessToken, versionString: '202607'};
  const resourcePath = `/adAccounts/${account}/adCampaigns`;
  return {
    write: async name => void await rest.create({resourcePath, entity: {name, status: 'PAUSED'}, ...how}),
    writeAll: async names => void await rest.batchCreate({resourcePath, entities: names.map(name => ({name, status: 'PAUSED'})), ...how}),
    async upload(file) {
      const film = readFileSync(file), mediaLibraryMetadata = {associatedAccount: `urn:li:sponsoredAccount:${account}`};
      const act = (actionName, asked) => rest.action({resourcePath: '/videos', actionName, data: {[`${actionName}Request`]: asked}, ...how});
      const owner = {owner: 'urn:li:organization:64265083', mediaLibraryMetadata};
      const {video, uploadInstructions} = (await act('initializeUpload', {fileSizeBytes: film.length, ...owner})).data.value;
      const uploadedPartIds = [];
      for (const {uploadUrl, firstByte, lastByte} of uploadInstructions) {
        const part = await fetch(uploadUrl, {method: 'PUT', body: film.subarray(firstByte, lastByte + 1)});
        uploadedPartIds.push(part.headers.get('etag'));
      }
      await act('finalizeUpload', {video, uploadToken: '', uploadedPartIds});
    },
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
  const {FileApi} = await import('tiktok-business-api-sdk-official/src/api/FileApi.js');
  const led = new ApiClient();
  led.basePath = `${base}/tiktok`;
  const api = new CampaignCreationApi(led);
  const ask = start => new Promise((resolve, reject) => start((error, data) => error ? reject(error) : resolve(data)));
  const read = (id, page) => ask(done => api.campaignGet(id, accessToken, {page, page_size: 2}, done));
  return {
    write: async campaign_name => void await ask(done => api.campaignCreate(accessToken, {
      body: {advertiser_id: account, campaign_name, objective_type: 'TRAFFIC', request_id: '1'},
    }, done)),
    async upload(file) {
      const video_file = readFileSync(file), video_signature = createHash('md5').update(video_file).digest('hex');
      const asked = {advertiser_id: account, upload_type: 'UPLOAD_BY_FILE', video_file, video_signature};
      await ask(done => new FileApi(led).adVideoUpload(accessToken, asked, done));
    },
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
process.on('unhandledRejection', () => {});  // twitter-api-v2 throws what became of a part twice, once where nobody can catch it
for await (const line of createInterface({input: process.stdin})) {
  const [name, argument] = JSON.parse(line);
  const answer = await calls[name](argument).then(
    (found = null) => ({found}),
    error => ({error: `${error.message} ${error.response?.text ?? JSON.stringify(error.response?.data ?? error.data)}`}),
  );
  console.log(JSON.stringify(answer));
}
