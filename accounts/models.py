"""The tables of this app: each is in the package of its subject."""

from accounts.api_keys.models import ApiKey as ApiKey
from accounts.api_keys.models import LeaseRecord as LeaseRecord
from accounts.asks.models import Ask as Ask
from accounts.asks.models import AskLine as AskLine
from accounts.imports.models import ImportFile as ImportFile
from accounts.imports.models import ImportFileLine as ImportFileLine
from accounts.jobs.models import Job as Job
from accounts.jobs.models import JobItem as JobItem
from accounts.linking.models import LinkProblem as LinkProblem
from accounts.linking.models import PendingLink as PendingLink
from accounts.pool.event_models import AccountEvent as AccountEvent
from accounts.pool.event_models import AccountNews as AccountNews
from accounts.pool.models import Account as Account
from accounts.pool.models import AccountQuerySet as AccountQuerySet
from accounts.pool.models import AccountToken as AccountToken
from accounts.sync.models import ListReading as ListReading
from accounts.sync.models import ReachedAccount as ReachedAccount
from accounts.sync.models import RefusedWrite as RefusedWrite
