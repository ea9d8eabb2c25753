"""What gunicorn reads by itself when it is started in this folder. Everything else stands on its command line."""

logger_class = "adtoken_project.gunicorn_logs.GunicornLogger"
