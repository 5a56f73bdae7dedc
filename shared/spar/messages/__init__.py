"""What the services say to each other: JSON, one pydantic model per message, one file per service.

Messages carry ids, settings and object keys, never text. The commands to workers carry a *spec*: all that determines
the result and nothing else; the result's fingerprint is the spec's hash (docs/decisions/0002).
"""
