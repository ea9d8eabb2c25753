"""What beat calls for this app: name -> (task, every so many seconds)."""

SCHEDULES: dict[str, tuple[str, int]] = {
    "Deliver messages": ("notifications.deliver_messages", 15),
}
