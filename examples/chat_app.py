"""A chat in the terminal with a long memory; replace `reply` with a call of your model. Ends at end of input.

python examples/chat_app.py
printf 'Hello!\nWhat can you do?\n' | python examples/chat_app.py
"""

import sys
from typing import Any

from optical_memory import OpticalMemory


def reply(messages: list[dict[str, Any]]) -> str:
    """Put your model here, for example

        client.chat.completions.create(model=..., messages=messages).choices[0].message.content

    Until then: an echo that says what it got.
    """
    parts = [part for message in messages if isinstance(message["content"], list) for part in message["content"]]
    pages = sum(part["type"] == "image_url" for part in parts)
    return f"I got {len(messages)} messages and {pages} pages. You said: {messages[-1]['content']}"


def main() -> None:
    memory = OpticalMemory()
    history: list[dict[str, Any]] = [{"role": "system", "content": "You are a helpful assistant."}]
    prompt = "you> " if sys.stdin.isatty() else ""
    while True:
        try:
            line = input(prompt)
        except EOFError:
            break
        if not line.strip():
            continue
        history.append({"role": "user", "content": line})
        context = memory.compress(history)  # the whole history, every turn: only what is new is encoded
        answer = reply(context.messages("openai"))  # in place of reply(history)
        history.append({"role": "assistant", "content": answer})
        report = context.report
        saved = 1 - report.tokens_after / max(1, report.tokens_before)
        print(f"bot> {answer}")
        print(f"     {report.tokens_before:,} tokens as text, {report.tokens_after:,} now: {saved:.0%} saved")


if __name__ == "__main__":
    main()
