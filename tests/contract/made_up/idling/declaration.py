"""What must be known of Idling before Django is set up."""

from tests.contract.made_up.declaring import declared

DECLARATION = declared("idling", "Idling")
