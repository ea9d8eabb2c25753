export type Purpose = 'publish' | 'read';
export type State = 'connected' | 'interrupted' | 'deactivated' | 'paused' | 'restricted';

/** An account and what its lease is for. */
export interface Name {
  channel: string;
  native_id: string;
  purpose: Purpose;
}

/** What is merged into a request to the channel. */
export interface Send {
  headers: Record<string, string>;
  query: Record<string, string>;
}

/** A token that works now, as AdToken answers it. Where `signs` is true, `send` is empty and each request is signed. */
export interface Lease extends Name {
  lease_id: string;
  expires_at: string;
  native_user: string | null;
  /** With what the channel's addresses begin. */
  base_url: string;
  version: string;
  signs: boolean;
  send: Send;
}

/** An ad account. Times are ISO 8601. */
export interface Account {
  channel: string;
  native_id: string;
  name: string;
  team: string;
  state: State;
  reason: string | null;
  since: string;
  restriction: string;
  deadline: string | null;
  deadline_kind: 'date' | 'never' | 'unknown' | 'none';
  usable_count: number;
  people: number;
}

/** One log-in of an account's pool. */
export interface PoolEntry {
  token_id: number;
  person: string | null;
  native_user: string | null;
  state: 'valid' | 'cooling' | 'dead';
  reason: string | null;
  active: boolean;
  access: 'ok' | 'lost';
  can_publish: 'yes' | 'no' | 'unknown';
  deadline: string | null;
  deadline_kind: 'date' | 'never' | 'unknown';
  last_checked_at: string | null;
}

/** An ad account with its pool, and what to do where it needs a person. */
export interface AccountDetail extends Account {
  pool: PoolEntry[];
  what: string;
  who: string;
  causes: string[];
  steps: string[];
}

/** What happened, as a webhook has it. Of those, `id` is the header's. */
export interface Event {
  id: string;
  type: string;
  timestamp: string;
  data: Record<string, unknown>;
}

/** One request to people. All fields: the API's reference. */
export interface Ask {
  id: number;
  url: string;
  kind: 'renew' | 'second_person' | 'client_link';
  state: 'open' | 'done' | 'stopped' | 'expired';
  progress: {total: number; done: number; failed: number};
  ends_at: string;
  /** A secret: for the person alone. */
  address: string | null;
}

/** What to do next. */
export interface Report {
  action: 'none' | 'retry_with' | 'retry_later' | 'hold';
  verdict: string;
  reason: string | null;
  detail: string;
  retry_after: number | null;
  lease: Lease | null;
  problem: Record<string, any> | null;
}
