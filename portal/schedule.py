"""What beat sends for this app: name -> (task, every so many seconds)."""

SCHEDULES = {
    "Work out start pages": ("portal.tasks.work_out_start_pages", 15),
}
