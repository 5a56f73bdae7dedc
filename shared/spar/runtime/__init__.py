"""What every process of the system needs: settings, logs, the Celery app, the event loop thread, the step envelope."""
