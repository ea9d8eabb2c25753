/** A problem that AdToken answered (RFC 9457). Compare `code`: it keeps its meaning (docs/api.md). */
export class AdTokenError extends Error {
  override name = this.constructor.name;
  readonly code: string;
  readonly detail: string;
  /** Seconds, where coming again helps. */
  readonly retryAfter: number | undefined;
  readonly errors: {location: string; field: string; detail: string}[];
  // Where only a person can help:
  readonly reason: string;
  readonly since: string;
  readonly who: string[];
  readonly steps: string[];

  constructor(readonly status: number, body: Record<string, any>, readonly requestId = '') {
    const code = body['code'] ?? `http_${status}`;
    const detail = body['detail'] ?? body['title'] ?? `AdToken answered ${status}.`;
    super(`${detail} (${code})`);
    this.code = code;
    this.detail = detail;
    this.retryAfter = body['retry_after'] ?? undefined;
    this.errors = body['errors'] ?? [];
    this.reason = body['reason'] ?? '';
    this.since = body['since'] ?? '';
    this.who = body['who'] ?? [];
    this.steps = body['steps'] ?? [];
  }
}

/** Only a person can help: show `reason`, `since`, `who` and `steps` to people. */
export class AccountDarkError extends AdTokenError {}
/** Not now: come again after `retryAfter` seconds. */
export class BusyError extends AdTokenError {}
/** No answer of AdToken came. */
export class UnreachableError extends BusyError {
  constructor(override readonly cause: unknown) {
    super(0, {code: 'unreachable', detail: `AdToken cannot be reached: ${cause}`, retry_after: 1});
  }
}
/** The API key is wrong, over, lacks a scope, or travelled in clear. */
export class KeyRefusedError extends AdTokenError {}
/** There is none, or it is outside of the key's teams and channels. */
export class NotFoundError extends AdTokenError {}
/** The lease is over, or its token has changed: lease again. */
export class LeaseOverError extends AdTokenError {}

const KINDS: Record<string, typeof AdTokenError> = {
  person_needed: AccountDarkError,
  never_so_long: AccountDarkError,
  still_running: BusyError,
  401: KeyRefusedError,
  403: KeyRefusedError,
  404: NotFoundError,
  410: LeaseOverError,
  429: BusyError,
  502: BusyError,
  503: BusyError,
  504: BusyError,
};

/** Return the error for an answer; one that is no problem of AdToken's, such as a proxy's page, goes by its status. */
export function problemOf(status: number, body: any, headers = new Headers()): AdTokenError {
  const facts = body !== null && typeof body === 'object' ? {...body} : {};
  const Kind = KINDS[facts.code] ?? KINDS[status] ?? AdTokenError;
  if (Kind === BusyError) facts.retry_after ??= Number(headers.get('retry-after')) || 1;
  return new Kind(status, facts, headers.get('x-request-id') ?? '');
}
