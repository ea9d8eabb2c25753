import type {AdToken} from './client.js';
import type {Lease, Purpose, Send} from './types.js';

/**
 * Return a `fetch` that adds a lease to requests to the channel. A refused one is reported, and made once more where AdToken has another
 * token. Other origins than that of the lease's `base_url` and `origins` get nothing of it; a stream as body is not sent again.
 */
export function leasedFetch(
  adtoken: AdToken,
  channel: string,
  nativeId: string,
  options: {purpose?: Purpose; origins?: string[]; fetch?: typeof fetch} = {},
): typeof fetch {
  const send = options.fetch ?? fetch;
  return async (input, init) => {
    const lease = await adtoken.lease(channel, nativeId, options.purpose);
    const asked = new Request(input, init);
    const origins = [lease.base_url, ...(options.origins ?? [])].map(one => new URL(one).origin);
    if (!origins.includes(new URL(asked.url).origin)) return send(asked);
    // A stream can be sent once; what else there is as body is read, so that it can be signed and sent again.
    const stream = (init?.body ?? (input instanceof Request ? input.body : null)) instanceof ReadableStream;
    const body = asked.body === null || stream ? asked.body : await asked.arrayBuffer();
    const form = !stream && asked.headers.get('content-type')?.startsWith('application/x-www-form-urlencoded');
    const params = form ? Object.fromEntries(new URLSearchParams(new TextDecoder().decode(body as ArrayBuffer))) : {};
    const once = async (leased: Lease): Promise<[Lease, Response]> => {
      const [used, merged] = await adtoken.sendOf(leased, asked.method, asked.url, params);
      return [used, await send(merge(asked, body, merged))];
    };
    const [used, answer] = await once(lease);
    const text = await refusal(used, answer);
    if (text === undefined) return answer;
    const fresh = await adtoken.recover(used, answer.status, text, asked.method);
    return fresh && !stream ? (await once(fresh))[1] : answer;
  };
}

/** Return the request with the lease: what stands in its query by these names, and an `access_token` beside a header, goes. */
function merge(asked: Request, body: ReadableStream | ArrayBuffer | null, send: Send): Request {
  const url = new URL(asked.url);
  const added = Object.entries(send.query);
  if (added.length > 0 || url.searchParams.has('access_token')) {
    if (Object.keys(send.headers).length > 0) url.searchParams.delete('access_token');
    for (const [name, value] of added) url.searchParams.set(name, value);
  }
  const headers = new Headers(asked.headers);
  for (const [name, value] of Object.entries(send.headers)) headers.set(name, value);
  const {method, redirect, signal} = asked;
  return new Request(url, {method, headers, redirect, signal, body, ...(body instanceof ReadableStream && {duplex: 'half'})} as RequestInit);
}

/**
 * Return the body of an answer that may be about the token: 400, 401, 403, and TikTok's errors under 200. AdToken knows which are.
 * The answer can still be read.
 */
async function refusal(lease: Lease, answer: Response): Promise<unknown> {
  const json = answer.headers.get('content-type')?.includes('json') ?? false;
  const tiktok = lease.channel === 'tiktok' && answer.status === 200 && json;
  if (!tiktok && ![400, 401, 403].includes(answer.status)) return undefined;
  const text = await answer.clone().text();
  let body: any = text;
  try {
    body = JSON.parse(text);
  } catch {
    // the text it is
  }
  return tiktok && [0, 20001, undefined].includes(body?.code) ? undefined : body;
}
