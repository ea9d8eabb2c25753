"""What the API says. It answers in English, whatever the installation speaks: nothing here is translated."""

_TEXTS = {
    "paused": "Staff paused this account on purpose. {note}",
    "restricted": "{channel} restricts this ad account: {restriction}. {tokens}",
    "tokens_fine": "The tokens are fine.",
    "an_admin": "an admin of the account at {channel}",
    "none_lives_until": "No token of this account lives until {until} UTC.",
    "none_fits": "No token fits.",
    "none_lives_so_long": "A new token of {channel} lives {life} seconds, so nobody can help: ask for less.",
    "deactivated": "This account is deactivated ({reason}). {todo}",
    "link_anew": "Somebody must link it again at {channel}.",
    "re_authenticate": "Somebody must re-authenticate at {channel}.",
    "add_to_team": (
        "The account's team accepts log-ins of its own people only: add one of them to it. Nobody needs "
        "to re-authenticate."
    ),
    "give_a_role": "An admin there must give a role; nobody needs to re-authenticate.",
    "put_right_there": (
        "Either the person puts it right at {channel} first, or somebody else links the account."
    ),
    "being_checked": "The account's tokens are being checked.",
    "date_passed": "The token's date has passed and {channel} does not answer.",
    "cannot_be_asked": "{channel} cannot be asked right now.",
    "being_renewed": "The token must be renewed first, which has been asked for.",
    "put_off": "Too many accounts of this batch needed a closer look. Ask for the rest again.",
    "not_recorded": "This could not be recorded, so no token is handed out.",
    "no_account": "There is no such account in the teams and channels of this API key.",
    "grant_type": "Known are refresh_token and client_credentials.",
    "grant_in_address": (
        "Parameters belong into the body. What came in the address may be in logs: make a new credential."
    ),
    "grant_handle": "refresh_token is no credential that AdToken made (adtp_...).",
    "grant_body": "Send a form or a JSON object of texts, each parameter once.",
    "grant_scope": "There is no scope {word}. Known are publish, read, {raw}, and an account as CHANNEL/ID.",
    "grant_resource": "Name the account: resource=CHANNEL/ID.",
    "grant_other_key": "Another API key made this credential.",
    "grant_reads_only": "This credential is for reading.",
    "grant_signs": "{channel} signs each request, so no token is handed out. Use the gate.",
    "no_account_named": "There is no account {native_id} at {channel} in the teams and channels of this API key.",
    "no_ask": "There is no such request.",
    "ask_no_field": "{kind} takes no {field}.",
    "ask_needs": "{kind} needs {field}.",
    "which_team": "The key is for several teams: name one.",
    "channel_not_ready": "{channel} is not one of the key's channels, or cannot be linked here.",
    "waits": "A worker does it within a minute.",
    "no_macro": "There is no such macro.",
    "no_person": "There is no such person in the key's teams.",
    "scim_user_name": "userName must be the person's e-mail address.",
    "scim_taken": "Somebody here has this e-mail address.",
    "scim_staff_address": "The e-mail address of staff is changed in the portal alone.",
    "scim_active": "Say active true or false: a person is in or out.",
    "scim_filter": "A filter is one comparison by eq: userName, externalId or id.",
    "scim_too_long": "The names and the externalId are too long, or hold NUL.",
    "scim_not_offered": "Users alone are provisioned. Groups come by the claim of company log-in.",
    "no_offboarding": "There is no such offboarding. Each is told of for a day.",
    "person_outside": (
        "The person is also in other teams or serves their accounts, or has log-ins at other channels, "
        "than this key is for. Use a key for all of them, or Offboard in the portal."
    ),
    "maker_may_not": (
        "A key acts in the name of whoever made it, and that person may not do this. Have somebody who "
        "may make a new key."
    ),
    "no_such_team": "There is no team {name} for which this key can invite somebody.",
    "no_lease": "There is no such lease.",
    "lease_over": "This lease is over. Get a new one.",
    "token_changed": "The token of this lease has changed. Get a new lease.",
    "token_left": "The token of this lease no longer serves this account. Get a new lease.",
    "about_the_request": "The answer is about the request itself, not about the token.",
    "not_believed": (
        "The channel refused this write, and AdToken itself finds nothing wrong. One key's reports move "
        "an account on once an hour: report the next refusal after that."
    ),
    "no_parameter": "There is no such parameter. {known}",
    "known": "Known are {known}.",
    "none_known": "This address takes none.",
    "given_twice": "Given more than once.",
    "no_nul": "The character NUL is not taken.",
    "bad_cursor": "It is not one that we gave. Start without it.",
    "no_field": "There is no such field.",
    "no_json": "Cannot parse request body",
    "the_body": "the body",
    "no_key": "This needs a valid API key (adt_...): as Authorization: Bearer, or as client_secret of the token endpoint.",
    "scope_missing": "This API key lacks the scope {name}. Make a key that has it.",
    "https_only": "Plain HTTP is refused: this key has travelled in clear. Use https, and make a new key.",
    "still_running": "The first call with this Idempotency-Key is not done yet.",
    "key_reused": "This Idempotency-Key came with another call. Use a new one for each deed.",
    "key_length": "1 to 200 characters.",
    "too_many_calls": "This API key is sent too often.",
    "does_not_open": (
        "The stored credentials do not open. An operator must check FERNET_KEYS; no token was touched."
    ),
    "no_secret": (
        "The channel's app has no secret. An operator enters it under Channel apps; no token was touched."
    ),
    # Of the gate: why a request is not sent.
    "no_credential": (
        "AdToken: no credential is in this request, or none that AdToken made. Put one (adtp_...) where the channel's "
        "token stood; an API key with the scope gate:use makes it."
    ),
    "credential_over": "AdToken: this credential is over. Make a new one with the API key.",
    "gate_api_key": (
        "AdToken: this is an API key. Have it make a credential for one ad account (scope gate:use), and "
        "put that here."
    ),
    "gate_key_over": (
        "AdToken: the API key of this credential is revoked or past its last day. Make a credential with "
        "another key."
    ),
    "gate_scope": (
        "AdToken: the API key of this credential lacks the scope gate:use. Make a credential with a key "
        "that has it."
    ),
    "gate_no_account": (
        "AdToken: the ad account is gone, or outside of the teams and channels of this credential's API key."
    ),
    "gate_no_channel": "AdToken: there is no such channel, or no such host of it. Take the base_url that came with the credential.",
    "gate_no_database": (
        "AdToken cannot read its database now. Nothing was sent; come again in a few seconds."
    ),
    "gate_too_often": "AdToken: this API key, or its team, calls too often. Come again in {seconds} seconds.",
    "gate_full": (
        "AdToken: too many requests to {channel} are under way here. Nothing was sent; come again in {seconds} "
        "seconds."
    ),
    "gate_paused": (
        "AdToken: {channel} asked this app to wait. Nothing was sent; come again in {seconds} seconds."
    ),
    "gate_dark": "AdToken: {channel} does not answer. Nothing was sent; come again in {seconds} seconds.",
    "gate_no_connection": (
        "AdToken: {channel} could not be reached. Nothing was sent; come again in {seconds} seconds."
    ),
    "gate_not_recorded": (
        "AdToken: this could not be recorded. Nothing was sent; come again in {seconds} seconds."
    ),
    "gate_no_answer": (
        "AdToken: {channel} gave no answer. Whether it did what was asked is not known: look there before you send a "
        "write again."
    ),
    "gate_form": (
        "AdToken: this form with files holds a field that is not passed on, or cannot be read. In one of at most 1 MiB you hear which."
    ),
    "gate_unsendable": "AdToken: this request cannot be written as HTTP/1.1. Nothing was sent.",
    "gate_unsure": (
        "AdToken: {channel} refused the log-in that serves this account, which is being checked. Come again in "
        "{seconds} seconds."
    ),
    "gate_upload_over": (
        "AdToken: the log-in that began this upload does not serve the account now. Begin the upload again."
    ),
    "gate_too_slow": "AdToken: the body of this request did not come in time. Nothing was sent.",
    "gate_unreadable": (
        "AdToken: this answer of {channel} is a part of a text, or compressed: it may hide a token and is not passed "
        "on. Ask without Range."
    ),
    "gate_our_fault": "AdToken: this failed inside AdToken, whose log says why.",
}


def text(name: str, /, **facts: object) -> str:
    """Return a text with its facts."""
    return _TEXTS[name].format(**facts).strip()
