"""What must be known of Managed before Django is set up."""

from tests.contract.made_up.declaring import declared

DECLARATION = declared("managed", "Managed")
