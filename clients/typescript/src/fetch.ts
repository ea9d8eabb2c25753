import type {AdToken} from './client.js';
import type {Lease, Purpose, Send} from './types.js';

const FORM = 'application/x-www-form-urlencoded';

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
  return async (input, init = {}) => {
    const lease = await adtoken.lease(channel, nativeId, options.purpose);
    const given = input instanceof Request ? input : undefined;
    const url = given?.url ?? String(input);
    const origins = [lease.base_url, ...(options.origins ?? [])].map(one => new URL(one).origin);
    if (!origins.includes(new URL(url).origin)) return send(input, init);
    const method = (init.method ?? given?.method ?? 'GET').toUpperCase();
    const body = init.body ?? given?.body ?? null;
    const params = await formOf(given, init);
    const asked: RequestInit = {...(given && {headers: given.headers, redirect: given.redirect, signal: given.signal}), ...init, method, body};
    if (body instanceof ReadableStream) Object.assign(asked, {duplex: 'half'});
    const once = async (leased: Lease): Promise<[Lease, Response]> => {
      const [used, merged] = await adtoken.sendOf(leased, method, url, params);
      const headers = new Headers(asked.headers);
      for (const [name, value] of Object.entries(merged.headers)) headers.set(name, value);
      return [used, await send(mergedUrl(url, merged), {...asked, headers})];
    };
    const [used, answer] = await once(lease);
    const said = await refusal(used, answer);
    if (said === undefined) return answer;
    const fresh = await adtoken.recover(used, answer.status, said, method);
    return fresh && !(body instanceof ReadableStream) ? (await once(fresh))[1] : answer;
  };
}

/** Return the fields of a form, which are signed, too. */
async function formOf(given: Request | undefined, {body, headers}: RequestInit): Promise<Record<string, string>> {
  const kind = new Headers(headers ?? given?.headers).get('content-type') ?? (body instanceof URLSearchParams ? FORM : '');
  if (!kind.startsWith(FORM) || body instanceof ReadableStream) return {};
  const text = body ? await new Response(body).text() : ((await given?.clone().text()) ?? '');
  return Object.fromEntries(new URLSearchParams(text));
}

/** Return the address with the lease's query. What stood there by these names, and an `access_token` beside a header, goes. */
function mergedUrl(url: string, {headers, query}: Send): string {
  const merged = new URL(url);
  if (Object.keys(query).length === 0 && !merged.searchParams.has('access_token')) return url;
  if (Object.keys(headers).length > 0) merged.searchParams.delete('access_token');
  for (const [name, value] of Object.entries(query)) merged.searchParams.set(name, value);
  return merged.href;
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
