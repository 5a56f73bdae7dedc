"""Where a run's time went: by kind of step, by worker, along each iteration's critical path; and what would help."""
