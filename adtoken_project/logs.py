"""How a log line looks: the same in web, worker and beat."""

import logging
import time


class UtcFormatter(logging.Formatter):
    """Writes the time in UTC by ISO 8601, so that lines of several machines can be put in order."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"
