"""A model's folder as written by any library: chat template, end tokens, tensors. Shared by engines, trainers, workers.

Each file covers one aspect of such a folder. Nothing here decodes, trains or downloads; torch and transformers are
imported where they are used.
"""
