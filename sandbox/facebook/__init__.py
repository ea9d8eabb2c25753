"""The stand-in Facebook: dialog, token endpoint, Graph API and the part of the Marketing API that is used."""
