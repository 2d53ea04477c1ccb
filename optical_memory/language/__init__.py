"""Tokens and the decoder: tensors only. `tokenizer` is light; `decoder` and `generate` import transformers."""
