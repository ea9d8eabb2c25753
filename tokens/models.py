"""The models of this app, for Django and for everybody else: each subject has a module of its own."""

from tokens.channel_apps.models import ChannelApp as ChannelApp
from tokens.doubts.models import Doubt as Doubt
from tokens.life.event_models import DeletionRequest as DeletionRequest
from tokens.life.event_models import Handshake as Handshake
from tokens.life.event_models import TokenEvent as TokenEvent
from tokens.life.event_models import UnknownAnswer as UnknownAnswer
from tokens.life.models import Token as Token
from tokens.life.models import name_of_person as name_of_person
from tokens.life.models import token_owner as token_owner
