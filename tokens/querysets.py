"""The named filters of tokens, for those who import them from here."""

from tokens.token_model import NEARLY as NEARLY
from tokens.token_model import Held as Held
from tokens.token_model import TokenQuerySet as TokenQuerySet
