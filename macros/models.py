"""The models of macros: each lies in the package that owns it."""

from macros.events.models import Event as Event
from macros.mutes.models import Acknowledgement as Acknowledgement
from macros.mutes.models import Mute as Mute
from macros.notices.models import Evaluation as Evaluation
from macros.notices.models import Notice as Notice
from macros.notices.models import Shortage as Shortage
from macros.notices.models import Told as Told
from macros.rules.models import Macro as Macro
from macros.rules.models import MacroAccount as MacroAccount
from macros.rules.models import MacroAction as MacroAction
from macros.webhooks.models import Delivery as Delivery
from macros.webhooks.models import Endpoint as Endpoint
