"""Provisioning by a company's directory: SCIM 2.0."""
