"""Writing the lines of a file: accounts, tokens, pool entries and events, all in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from accounts.imports.checking import ImportLine
from accounts.models import Account, AccountEvent, AccountToken
from accounts.pool import services as pool
from tokens import lifecycle
from tokens.lifecycle import Imported
from tokens.models import ChannelApp, Token
from users.models import User

BATCH = 1000


@transaction.atomic
def write_lines(
    lines: Sequence[ImportLine], *, now: datetime, by: User | None = None, note: str = ""
) -> dict[tuple[str, str], Account]:
    """Write all lines, and return the accounts by channel and native id.

    `by`: the person who imports them; None: the demo, whose events name whose log-in it is.
    """
    tokens = _tokens(lines, now)  # first: nobody who holds an account asks for a token
    accounts = _accounts(lines, now)
    _links(lines, accounts, tokens, now, by, note)
    return accounts


def _accounts(lines: Sequence[ImportLine], now: datetime) -> dict[tuple[str, str], Account]:
    wanted = {
        (line.channel, line.native_id): Account(
            channel=line.channel,
            native_id=line.native_id,
            name=line.name[:300],
            team=line.team,
            created_at=now,
            since=now,
        )
        for line in lines
    }
    in_order = [wanted[key] for key in sorted(wanted)]
    Account.objects.bulk_create(in_order, batch_size=BATCH, ignore_conflicts=True)
    found: dict[tuple[str, str], Account] = {}
    for start in range(0, len(in_order), BATCH):
        some = in_order[start : start + BATCH]
        rows = Account.objects.filter(native_id__in=[one.native_id for one in some])
        found |= {(one.channel, one.native_id): one for one in rows}
    return {key: account for key, account in found.items() if key in wanted}


def _tokens(lines: Sequence[ImportLine], now: datetime) -> dict[tuple[str, str], Token]:
    """Return the tokens by (channel, native user)."""
    apps = {app.channel: app for app in ChannelApp.objects.filter(is_default=True)}
    wanted = {
        (line.channel, line.native_user_id): Imported(
            app=apps[line.channel],
            native_user_id=line.native_user_id,
            native_user_name=line.native_user_name,
            credentials=line.credentials,
            user=line.linked_by,
        )
        for line in lines
        if line.credentials is not None
    }
    rows, _ = lifecycle.store_imported(list(wanted.values()), now=now)
    return {(token.app.channel, token.native_user_id): token for token in rows}


def _links(
    lines: Sequence[ImportLine],
    accounts: dict[tuple[str, str], Account],
    tokens: dict[tuple[str, str], Token],
    now: datetime,
    by: User | None,
    note: str,
) -> None:
    batches = [lines[start : start + BATCH] for start in range(0, len(lines), BATCH)]
    for batch in batches:
        entries, events = [], []
        for line in batch:
            account = accounts[line.channel, line.native_id]
            token = tokens.get((line.channel, line.native_user_id))
            if token is not None:
                entries.append(
                    AccountToken(account=account, token=token, added_by=by or line.linked_by, added_at=now)
                )
            events.append(
                AccountEvent(
                    account=account,
                    token=token,
                    kind=AccountEvent.Kind.IMPORTED,
                    source="import",
                    actor=by or line.linked_by,
                    note=note,
                    at=now,
                )
            )
        AccountToken.objects.bulk_create(entries, ignore_conflicts=True)
        AccountEvent.objects.bulk_create(events)
        lifecycle.note_linked(token_ids=[entry.token_id for entry in entries], now=now)
    # By id over all lines, as everybody locks accounts: in the order of the file a renewal and this could wait for each other.
    ids = sorted(account.pk for account in accounts.values())
    batches_of_ids = [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)]
    for some in batches_of_ids:
        pool.settle(account_ids=some, cause="imported", now=now, source="import")
