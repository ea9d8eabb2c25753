"""What is written and sent about what runs: logs, request ids, errors, traces."""
