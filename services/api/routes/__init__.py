"""The API's routes, one subject a file: each loads, calls and responds."""
