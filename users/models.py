"""The models of this app, for Django and for everybody else: each subject has a module of its own."""

from users.addresses.models import AddressEvent as AddressEvent
from users.addresses.models import RefusedAddress as RefusedAddress
from users.installation.models import Installation as Installation
from users.invitations.models import Invitation as Invitation
from users.invitations.models import new_invitation_key as new_invitation_key
from users.login.models import LimitCount as LimitCount
from users.people.models import Membership as Membership
from users.people.models import Team as Team
from users.people.models import User as User
from users.people.models import person as person
from users.sessions.models import LoginRecord as LoginRecord
from users.sessions.services import Session as Session
