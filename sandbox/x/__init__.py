"""The stand-in X: OAuth 1.0a, the identity calls and the part of the Ads API that is used."""
