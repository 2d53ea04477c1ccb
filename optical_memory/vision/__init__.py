"""Pixels to visual tokens and back: tensors only, no pages, no files, no memory."""
