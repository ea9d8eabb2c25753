"""The channels' callbacks, mounted under /link/. No log-in view of allauth is mounted."""

from tokens.channels.facebook.urls import callbacks as facebook
from tokens.channels.linkedin.urls import callbacks as linkedin
from tokens.channels.pinterest.urls import callbacks as pinterest
from tokens.channels.snapchat.urls import callbacks as snapchat
from tokens.channels.tiktok.urls import callbacks as tiktok
from tokens.channels.x.urls import callbacks as x

urlpatterns = [*facebook, *snapchat, *x, *linkedin, *pinterest, *tiktok]
