"""The models of this app, for Django and for everybody else: each subject has a module of its own."""

from tokens.channel_apps.models import ChannelApp as ChannelApp
from tokens.channel_apps.models import DeletionRequest as DeletionRequest
from tokens.doubts.models import Doubt as Doubt
from tokens.oauth.models import Handshake as Handshake
from tokens.token.models import Token as Token
from tokens.token.models import TokenEvent as TokenEvent
from tokens.token.models import name_of_person as name_of_person
from tokens.unknown_answers.models import UnknownAnswer as UnknownAnswer
