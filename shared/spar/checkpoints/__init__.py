"""A model's folder as others write it: chat template, end tokens, tensors. One rule for engines, trainers and workers.

Each file knows one fact of such a folder. Nothing here decodes, trains or downloads; torch and transformers are
imported where they are used.
"""
