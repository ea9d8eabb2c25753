"""AdToken's own settings with one more address: a view that does nothing, behind the same middleware."""

from adtoken_project.settings import *  # noqa: F403  # the settings as they are, that is the point

ROOT_URLCONF = "benchmarks.bare_urls"
