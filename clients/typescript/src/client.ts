import {Keeper, keyOf} from './keeper.js';
import {AdTokenError, BusyError, LeaseOverError, UnreachableError, problemOf} from './problems.js';
import type {Account, AccountDetail, Ask, Event, Lease, Name, Purpose, Report, Send, State} from './types.js';

export interface Options {
  /** AdToken's address; left out: ADTOKEN_URL. */
  url?: string;
  /** An API key; left out: ADTOKEN_KEY. */
  key?: string;
  /** Seconds that a call waits in all while AdToken says "come back". 15. */
  wait?: number;
  /** Seconds that a token must still live. 0. */
  minValidFor?: number;
  /** Seconds for each call. 30. */
  timeout?: number;
  fetch?: typeof fetch;
  /** Seconds since 1970, for tests. */
  clock?: () => number;
}

interface Got {
  body: any;
  at: number | undefined; // AdToken's clock then
}

const BATCH = 100; // accounts of one call
const TICK = 1000; // milliseconds between two looks at what is due
const REPORTED = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']);

const sleep = (seconds: number) => new Promise(done => setTimeout(done, seconds * 1000));
const pathOf = (channel: string, id: string) => `/accounts/${encodeURIComponent(channel)}/${encodeURIComponent(id)}`;

/** AdToken for one API key. Make one, and keep it: it holds leases. All methods throw AdTokenError and its kinds. */
export class AdToken {
  readonly #url: string;
  readonly #key: string;
  readonly #options: Options;
  readonly #keeper: Keeper;
  readonly #wait: number;
  #leasing = new Map<string, Promise<Lease | AdTokenError>>();
  #recovering = new Map<string, Promise<Lease | undefined>>();
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(options: Options = {}) {
    const url = options.url ?? process.env['ADTOKEN_URL'];
    const key = options.key ?? process.env['ADTOKEN_KEY'];
    if (!url || !key) throw new Error("Give AdToken's address and an API key, or set ADTOKEN_URL and ADTOKEN_KEY.");
    this.#url = url.replace(/\/+$/, '').replace(/\/api\/v1$/, '') + '/api/v1';
    this.#key = key;
    this.#options = options;
    this.#wait = options.wait ?? 15;
    this.#keeper = new Keeper(options.clock ?? (() => Date.now() / 1000));
  }

  /** End what runs in the background. It keeps no process alive by itself. */
  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Go through the accounts of the key, page after page. */
  async *accounts(
    filters: {channel?: string; state?: State; team?: string; deadline_within_days?: number} = {},
  ): AsyncGenerator<Account> {
    let cursor: string | null = '';
    while (cursor !== null) {
      const query = {...filters, limit: 1000, ...(cursor && {cursor})};
      const {body} = await this.#patiently(() => this.#do('GET', '/accounts', undefined, query));
      yield* body.accounts as Account[];
      cursor = body.next;
    }
  }

  /** Read one account with its pool, and what to do where it needs a person. */
  account(channel: string, nativeId: string): Promise<AccountDetail> {
    return this.call('GET', pathOf(channel, nativeId));
  }

  /** Ask people, with the fields of POST /asks. */
  async ask(fields: {kind: Ask['kind']; [field: string]: unknown}, idempotencyKey = ''): Promise<Ask[]> {
    const headers = idempotencyKey ? {'idempotency-key': idempotencyKey} : {};
    return (await this.#do('POST', '/asks', fields, {}, headers)).body.asks;
  }

  /** Read what happened after an event; `next` is what to ask `after` for what follows. */
  events(after = '0', limit = 100): Promise<{events: Event[]; next: string}> {
    return this.call('GET', '/events', undefined, {after, limit});
  }

  /** Make any call of the API, once; `path` comes after /api/v1. Returns the body. */
  async call(method: string, path: string, body?: unknown, query: Record<string, unknown> = {}): Promise<any> {
    return (await this.#do(method, path, body, query)).body;
  }

  /** Return a token that works now: the one that is kept, or a new one. */
  async lease(channel: string, native_id: string, purpose: Purpose = 'publish'): Promise<Lease> {
    const name = {channel, native_id, purpose};
    const [found] = await this.#share([name], ([one]) => this.#leaseOne(one!));
    if (found instanceof AdTokenError) throw found;
    return found!;
  }

  /** Return for each account, in their order, a lease or its problem; what is not kept comes in batches of 100. */
  leases(accounts: {channel: string; native_id: string}[], purpose: Purpose = 'publish'): Promise<(Lease | AdTokenError)[]> {
    const names = accounts.map(({channel, native_id}) => ({channel, native_id, purpose}));
    return this.#share(names, some => this.#leaseBatch(some));
  }

  /** Tell what the channel answered, and learn what to do next. */
  async report(lease: Lease, status: number, body?: unknown, method = ''): Promise<Report> {
    return (await this.#report(lease, status, body, method, this.#wait)).body;
  }

  /** Report a refusal, and return the lease with which to try once more; undefined: the answer stands. Throws AccountDarkError. */
  recover(lease: Lease, status: number, body?: unknown, method = ''): Promise<Lease | undefined> {
    const going = this.#recovering.get(lease.lease_id);
    if (going) return going;
    const begun = this.#recover(lease, status, body, method).finally(() => this.#recovering.delete(lease.lease_id));
    this.#recovering.set(lease.lease_id, begun);
    return begun;
  }

  /** Return the Authorization header of one request (where `lease.signs`). `params`: what is not in the address. */
  async sign(lease: Lease, method: string, url: string, params: Record<string, string> = {}): Promise<string> {
    const path = `/leases/${encodeURIComponent(lease.lease_id)}/sign`;
    const {body} = await this.#patiently(() => this.#do('POST', path, {method: method.toUpperCase(), url, params}));
    return body.authorization;
  }

  /** Return what to merge into this request, signed where it must be; and the lease, a new one where the old was over. */
  async sendOf(lease: Lease, method: string, url: string, params: Record<string, string> = {}): Promise<[Lease, Send]> {
    if (!lease.signs) return [lease, lease.send];
    try {
      return [lease, {headers: {Authorization: await this.sign(lease, method, url, params)}, query: {}}];
    } catch (error) {
      if (!(error instanceof LeaseOverError)) throw error;
      this.#keeper.drop(lease);
      const fresh = await this.lease(lease.channel, lease.native_id, lease.purpose);
      return [fresh, {headers: {Authorization: await this.sign(fresh, method, url, params)}, query: {}}];
    }
  }

  /** Return what is kept, what is being fetched, and what is fetched now. `ahead`: also what could still be used. */
  #share(
    names: Name[], fetch: (some: Name[]) => Promise<(Lease | AdTokenError)[]>, ahead = false,
  ): Promise<(Lease | AdTokenError)[]> {
    const found = new Map<string, Lease | Promise<Lease | AdTokenError>>();
    const ours = new Map<string, Name>();
    for (const name of names) {
      const key = keyOf(name);
      const known = (ahead ? undefined : this.#keeper.find(name)) ?? this.#leasing.get(key);
      if (known) found.set(key, known);
      else ours.set(key, name);
    }
    if (ours.size > 0) {
      const all = fetch([...ours.values()]);
      [...ours.keys()].forEach((key, at) => {
        const one = all.then(fetched => fetched[at]!).finally(() => this.#leasing.delete(key));
        this.#leasing.set(key, one);
        found.set(key, one);
      });
    }
    this.#timer ??= setInterval(() => this.#renew(), TICK).unref();
    return Promise.all(names.map(name => found.get(keyOf(name))!));
  }

  #renew(): void {
    const due = this.#keeper.due();
    // Both tell of failures by themselves: a renewal that fails leaves the lease, and a later call says why.
    if (due.length > 0) this.#share(due, some => this.#leaseBatch(some), true).catch(() => undefined);
    if (this.#keeper.size === 0 && this.#leasing.size === 0) this.close();
  }

  async #leaseOne(name: Name): Promise<(Lease | AdTokenError)[]> {
    const wanted = {purpose: name.purpose, min_valid_for: this.#options.minValidFor ?? 0};
    try {
      const path = `${pathOf(name.channel, name.native_id)}/lease`;
      const {body, at} = await this.#patiently(() => this.#do('POST', path, wanted));
      return [this.#kept({...body, ...name}, at)];
    } catch (error) {
      if (error instanceof AdTokenError) return [error];
      throw error;
    }
  }

  async #leaseBatch(names: Name[]): Promise<(Lease | AdTokenError)[]> {
    const found = new Map<Name, Lease | AdTokenError>();
    for (const purpose of ['publish', 'read']) {
      const some = names.filter(name => name.purpose === purpose);
      while (some.length > 0) await this.#oneBatch(some.splice(0, BATCH), purpose, found);
    }
    return names.map(name => found.get(name)!);
  }

  async #oneBatch(names: Name[], purpose: string, found: Map<Name, Lease | AdTokenError>): Promise<void> {
    const accounts = names.map(({channel, native_id}) => ({channel, native_id}));
    const refuse = (name: Name, problem: AdTokenError) => {
      this.#keeper.putOff(name, problem);
      found.set(name, problem);
    };
    try {
      const wanted = {purpose, min_valid_for: this.#options.minValidFor ?? 0, accounts};
      const {body, at} = await this.#do('POST', '/leases', wanted);
      names.forEach((name, place) => {
        const {lease, problem} = body.leases[place];
        if (lease) found.set(name, this.#kept({...lease, ...name}, at));
        else refuse(name, problemOf(problem.status, problem));
      });
    } catch (error) {
      if (!(error instanceof AdTokenError)) throw error;
      for (const name of names) refuse(name, error);
    }
  }

  #kept(lease: Lease, at: number | undefined): Lease {
    // Logs that show a lease show nothing secret: what is sent is there for whoever asks for it by its name.
    Object.defineProperty(lease, 'send', {enumerable: false});
    this.#keeper.keep(lease, at);
    return lease;
  }

  #report(lease: Lease, status: number, body: unknown, method: string, wait: number): Promise<Got> {
    const told = {status, body, method: REPORTED.has(method.toUpperCase()) ? method.toUpperCase() : ''};
    const path = `/leases/${encodeURIComponent(lease.lease_id)}/report`;
    return this.#patiently(() => this.#do('POST', path, told), wait);
  }

  async #recover(lease: Lease, status: number, body: unknown, method: string): Promise<Lease | undefined> {
    const until = Date.now() / 1000 + this.#wait;
    for (;;) {
      const known = this.#keeper.successor(lease);
      if (known) return known;
      const left = Math.max(until - Date.now() / 1000, 0);
      const {body: told, at}: {body: Report; at: number | undefined} = await this.#report(lease, status, body, method, left);
      if (told.lease) {
        const fresh = this.#kept({...told.lease, purpose: lease.purpose}, at);
        this.#keeper.replace(lease, fresh, at);
        return fresh;
      }
      if (told.problem) {
        this.#keeper.drop(lease);
        throw problemOf(told.problem['status'], told.problem);
      }
      const pause = told.retry_after ?? 0;
      if (told.action !== 'retry_later' || Date.now() / 1000 + pause > until) return undefined;
      await sleep(pause);
    }
  }

  /** Make a call that may be made twice, again where AdToken says when, for `wait` seconds in all. */
  async #patiently(call: () => Promise<Got>, wait = this.#wait): Promise<Got> {
    const until = Date.now() / 1000 + wait;
    for (;;) {
      try {
        return await call();
      } catch (error) {
        const pause = error instanceof BusyError ? Math.max(error.retryAfter ?? 1, 0.1) : Infinity;
        if (Date.now() / 1000 + pause > until) throw error;
        await sleep(pause);
      }
    }
  }

  async #do(method: string, path: string, body?: unknown, query: Record<string, unknown> = {}, more = {}): Promise<Got> {
    const asked = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) asked.set(name, String(value));
    const url = `${this.#url}${path}${asked.size > 0 ? `?${asked}` : ''}`;
    let answer: Response, text: string;
    try {
      answer = await (this.#options.fetch ?? fetch)(url, {
        method,
        headers: {authorization: `Bearer ${this.#key}`, 'content-type': 'application/json', ...more},
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout((this.#options.timeout ?? 30) * 1000),
        redirect: 'error',
      });
      text = await answer.text();
    } catch (error) {
      throw new UnreachableError(error);
    }
    let read: unknown;
    try {
      read = JSON.parse(text);
    } catch {
      read = undefined;
    }
    if (!answer.ok || (read === undefined && text !== '')) throw problemOf(answer.status, read, answer.headers);
    const date = Date.parse(answer.headers.get('date') ?? '');
    return {body: read, at: Number.isNaN(date) ? undefined : date / 1000};
  }
}
