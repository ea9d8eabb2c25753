"""What beat calls for this app: name -> (task, every so many seconds)."""

SCHEDULES: dict[str, tuple[str, int]] = {
    "Evaluate macros if due": ("macros.evaluate_if_due", 300),
    "Tell other systems": ("macros.tell_systems", 20),
    "Tell at once what happened": ("macros.tell_at_once", 20),
}
