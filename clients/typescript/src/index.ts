export {AdToken, type Options} from './client.js';
export {leasedFetch} from './fetch.js';
export * from './problems.js';
export type * from './types.js';
export {verifyWebhook} from './webhooks.js';
