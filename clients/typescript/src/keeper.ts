import {AdTokenError, BusyError} from './problems.js';
import type {Lease, Name} from './types.js';

const AHEAD = 30; // seconds before its end from which on a lease that is in use is renewed
const MARGIN = 5; // seconds before its end from which on it is handed out no longer
const AGAIN = 5; // seconds between two tries to renew it

interface Kept {
  lease: Lease;
  last: number;
  renewAt: number;
  used: boolean; // since it came
}

export const keyOf = ({channel, native_id, purpose}: Name): string => JSON.stringify([channel, native_id, purpose]);

/** Which leases are kept, and which are due. `clock`: seconds since 1970. */
export class Keeper {
  #kept = new Map<string, Kept>();
  #replaced = new Map<string, string>(); // ids of leases that a report replaced

  constructor(private readonly clock: () => number) {}

  /** Return a lease that can be used, and note the use. */
  find(name: Name): Lease | undefined {
    const kept = this.#kept.get(keyOf(name));
    if (kept === undefined || this.clock() >= kept.last) return undefined;
    kept.used = true;
    return kept.lease;
  }

  /** Keep a lease that came just now. `server`: AdToken's clock then, so that a difference to ours does no harm. */
  keep(lease: Lease, server: number | undefined): void {
    const now = this.clock();
    const life = Date.parse(lease.expires_at) / 1000 - (server ?? now);
    const renewAt = Math.max(now + life - Math.min(AHEAD, life / 2), now + AGAIN);
    this.#kept.set(keyOf(lease), {lease, last: now + life - Math.min(MARGIN, life / 4), renewAt, used: false});
  }

  /** Keep the lease that a report gave. Whoever still has the old one gets it without another report. */
  replace(old: Lease, fresh: Lease, server: number | undefined): void {
    this.#replaced.set(old.lease_id, keyOf(old));
    this.keep(fresh, server);
  }

  /** Return the lease that replaced this one after a report. */
  successor(old: Lease): Lease | undefined {
    return this.#replaced.has(old.lease_id) ? this.find(old) : undefined;
  }

  /** Hand this lease out no longer. */
  drop(lease: Lease): void {
    if (this.#kept.get(keyOf(lease))?.lease.lease_id === lease.lease_id) this.#kept.delete(keyOf(lease));
  }

  /** Let a renewal that failed be tried again where that may help; the lease serves to its end. */
  putOff(name: Name, problem: AdTokenError): void {
    const kept = this.#kept.get(keyOf(name));
    if (kept === undefined) return;
    const again = this.clock() + Math.max(problem.retryAfter ?? 0, AGAIN);
    kept.renewAt = problem instanceof BusyError ? again : kept.last;
  }

  /** Return whose lease is in use and near its end, and forget what is over. */
  due(): Name[] {
    const now = this.clock();
    for (const [key, kept] of this.#kept) if (now >= kept.last) this.#kept.delete(key);
    for (const [id, key] of this.#replaced) if (!this.#kept.has(key)) this.#replaced.delete(id);
    const due = [...this.#kept.values()].filter(kept => kept.used && now >= kept.renewAt);
    return due.map(({lease: {channel, native_id, purpose}}) => ({channel, native_id, purpose}));
  }

  get size(): number {
    return this.#kept.size;
  }
}
