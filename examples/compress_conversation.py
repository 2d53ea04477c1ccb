"""Compresses the conversation beside this file and finds one fact again.

python examples/compress_conversation.py
"""

import json
from pathlib import Path

from optical_memory import OpticalMemory

conversation = json.loads(Path(__file__).with_name("conversation.json").read_text(encoding="utf-8"))
memory = OpticalMemory()
print(memory.compress(conversation["messages"]).report)

print("\nRecall, read back from visual tokens:")
for page in memory.recall("token of the archive", limit=1):
    told = [sentence for sentence in page.text.split(". ") if "token of the archive" in sentence]
    print(f"  page {page.number} in mode {page.mode}, certainty {page.certainty:.2%}: {told}")
