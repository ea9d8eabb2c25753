"""The models of this app, for Django and for everybody else: each subject has a module of its own."""

from tokens.app_model import ChannelApp as ChannelApp
from tokens.doubts.models import Doubt as Doubt
from tokens.event_models import DeletionRequest as DeletionRequest
from tokens.event_models import Handshake as Handshake
from tokens.event_models import TokenEvent as TokenEvent
from tokens.event_models import UnknownAnswer as UnknownAnswer
from tokens.token_model import Token as Token
from tokens.token_model import name_of_person as name_of_person
from tokens.token_model import token_owner as token_owner
