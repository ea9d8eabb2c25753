"""What must be known of Proving before Django is set up."""

from tests.contract.made_up.declaring import declared

DECLARATION = declared("proving", "Proving")
