"""Whom a macro would mail."""
