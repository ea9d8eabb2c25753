"""Figures for Prometheus: most are read from the database when somebody asks, the rest is counted by all processes together."""
