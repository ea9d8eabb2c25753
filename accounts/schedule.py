"""What beat sends for this app: name -> (task, every so many seconds)."""

SCHEDULES = {
    "Check due tokens": ("accounts.tasks.check_due_tokens", 10),
    "Tell operators": ("accounts.tasks.tell_operators", 60),
    "Watch the versions of the channels": ("accounts.tasks.watch_versions", 3_600),
    "Watch API keys": ("accounts.tasks.watch_api_keys", 3_600),
    "Ask about refused channel apps": ("accounts.tasks.ask_about_refused_apps", 3_600),
    "Tidy unfinished links": ("accounts.tasks.tidy", 300),
    "Carry out deletion requests": ("accounts.pushes.delete_requested", 300),
    "Do what was asked for to many": ("accounts.tasks.run_jobs", 15),
    "Run asks": ("accounts.tasks.run_asks", 60),
    "Compare accounts with their pools": ("accounts.tasks.nightly_check", 86_400),
}
