// What AdToken posts to a webhook, by the library that receivers in Node use. The requests: tests/conformance/test_webhooks.py.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {Webhook, WebhookVerificationError} from 'standardwebhooks';

const {secrets, got} = JSON.parse(process.env.ADTOKEN_WEBHOOKS);

test('each signature is taken by the secret and by the one before it, and by no other body', () => {
  for (const {headers, body} of got) {
    for (const secret of secrets) {
      assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
      assert.throws(() => new Webhook(secret).verify(body.replace('{', '{ '), headers), WebhookVerificationError);
    }
    assert.throws(() => new Webhook('whsec_' + btoa('somebody else')).verify(body, headers), WebhookVerificationError);
  }
});
