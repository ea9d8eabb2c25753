"""What becomes of messages: claims, delivery, refusals, and mails that come back."""
