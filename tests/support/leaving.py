"""What goes, without the press and the worker: removed here, and told by mail, in one transaction."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.jobs.models import OFFBOARD, PERSON, REMOVE
from accounts.leaving import mails
from accounts.leaving.plan import TOKENS
from accounts.models import Job
from tokens import lifecycle
from tokens.models import Token
from users.models import User


@transaction.atomic
def removed(*tokens: Token, by: User, now: datetime, left: User | None = None, **options: Any) -> Job:
    """Have somebody remove log-ins. `left`: because that person was seen off; `options`: what else the job holds."""
    person = None if not tokens else tokens[0].consented_by_id
    job = Job.objects.create(
        user=by,
        kind=OFFBOARD if left else REMOVE,
        subject_id=left.pk if left else 0,
        total=1,
        created_at=now,
        options={TOKENS: [one.pk for one in tokens], PERSON: person, **options},
        state=Job.State.READY,
    )
    for token in tokens:
        lifecycle.remove(token_id=token.pk, generation=token.generation, actor=by, note="", now=now)
    mails.tell_people_of_leaving(job, now)
    return job
