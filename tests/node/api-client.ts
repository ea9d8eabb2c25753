// A publishing system in TypeScript, on the types that openapi-typescript made of our description. tests/project/test_generated_clients.py
// makes them, compiles this strictly and runs it. What is wrong with the types fails at the compiler, what is wrong with the API at run time.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { env: Record<string, string> };
type Reason = components["schemas"]["Reason"];

const { API_BASE, API_KEY, NATIVE_ID, PAUSED_ID } = process.env;
const api = createClient<paths>({ baseUrl: API_BASE, headers: { Authorization: `Bearer ${API_KEY}` } });

function check(good: boolean, what: string): asserts good {
  if (!good) throw new Error(what);
}

const listed = await api.GET("/api/v1/accounts", { params: { query: { state: "connected" } } });
check(listed.data?.accounts.length === 1, "one connected account is listed");
const state: components["schemas"]["AccountState"] = listed.data.accounts[0].state;
check(state === "connected", "it is connected");

const account = { channel: "facebook", native_id: NATIVE_ID } as const;
const one = await api.GET("/api/v1/accounts/{channel}/{native_id}", { params: { path: account } });
check(one.data?.pool[0].person === "Ada Okafor", "its pool names Ada");

const address = "/api/v1/accounts/{channel}/{native_id}/lease";
const lease = await api.POST(address, { params: { path: account }, body: {} });
check(lease.data?.signs === false && Object.keys(lease.data.send.headers).length > 0, "a lease of nothing but defaults");

const reported = await api.POST("/api/v1/leases/{lease_id}/report", {
  params: { path: { lease_id: lease.data.lease_id } },
  body: { status: 200, body: { id: "1" } },
});
check(reported.data?.verdict === "ok" && reported.data.action === "none", "a good answer is reported");

const paused = { channel: "facebook", native_id: PAUSED_ID } as const;
const held = await api.POST(address, { params: { path: paused }, body: { purpose: "publish", min_valid_for: 60 } });
check(held.response.status === 409 && held.error !== undefined, "a paused account is held");
const reason: Reason | null | undefined = held.error.reason;
check(reason === "paused" && held.error.status === 409, "the reason is typed");

const batch = await api.POST("/api/v1/leases", { body: { accounts: [account, paused] } });
check(batch.data?.leases[0].lease?.native_id === NATIVE_ID, "a batch leases for one account");
check(batch.data.leases[1].problem?.reason === "paused", "and says why it does not for the other");

// @ts-expect-error the compiler finds a misspelt field, and so does the API
const wrong: components["schemas"]["LeaseIn"] = { min_valid: 60 };
const misspelt = await api.POST(address, { params: { path: account }, body: wrong });
check(misspelt.error?.errors?.[0].field === "min_valid", "a misspelt field is named");

console.log("all as described");
