import {createHmac, timingSafeEqual} from 'node:crypto';
import type {Event} from './types.js';

const TOLERANCE = 300; // seconds

/**
 * Verify a webhook of AdToken's (Standard Webhooks) and return the event. `body`: as it came. Throws where signature or time is wrong.
 * An event may come twice: remember its `id`.
 */
export function verifyWebhook(
  secret: string, body: string | Uint8Array, headers: Headers | Record<string, string | string[] | undefined>,
): Event {
  const all = headers instanceof Headers ? headers : new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)]));
  const [id, time, signatures] = ['id', 'timestamp', 'signature'].map(part => all.get(`webhook-${part}`) ?? '');
  if (!(Math.abs(Date.now() / 1000 - Number(time || NaN)) <= TOLERANCE)) throw new Error('The webhook is too old, or has no time.');
  const signed = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).update(`${id}.${time}.`).update(body).digest();
  const matches = signatures!.split(' ').some(one => {
    const given = one.startsWith('v1,') ? Buffer.from(one.slice(3), 'base64') : Buffer.alloc(0);
    return given.length === signed.length && timingSafeEqual(given, signed);
  });
  if (!matches) throw new Error("The webhook's signature is wrong.");
  return {id: id!, ...JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body))};
}
