"""The users app."""

from django.apps import AppConfig


class UsersConfig(AppConfig):
    """People, teams, invitations."""

    name = "users"
    verbose_name = "Users and teams"
