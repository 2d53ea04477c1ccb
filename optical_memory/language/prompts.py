"""The prompts that DeepSeek-OCR was trained on (arXiv 2510.18234, section 4): it completes these, it follows no instructions.

Each is said after a page: `model.answer([page], MARKDOWN)`.
"""

FREE_OCR = "Free OCR."
"""The text, without its layout."""
MARKDOWN = "<|grounding|>Convert the document to markdown."
"""The text with its layout, each part with its box."""
GROUNDED_OCR = "<|grounding|>OCR this image."
PARSE_FIGURE = "Parse the figure."
"""Charts to tables, formulas to SMILES, plane geometry to a dictionary."""
DESCRIBE = "Describe this image in detail."
LOCATE = "Locate <|ref|>{}<|/ref|> in the image."
"""To be formatted with what is to be found."""

PROMPTS = (FREE_OCR, MARKDOWN, GROUNDED_OCR, PARSE_FIGURE, DESCRIBE)
