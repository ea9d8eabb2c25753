"""The mail services that anymail knows, by its names for them. SES and Resend need a package more (docs/mail.md)."""

MAIL_SERVICES = (
    "amazon_ses", "brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill", "postal", "postmark", "resend", "sendgrid",
    "sparkpost", "unisender_go",
)  # fmt: skip
