"""The coordinator: decides what happens next (`flow`, pure), and is the only writer of the database."""
