"""An agent with two tools under a token budget, and an offline stand-in for the model: compress before every call of it.

python examples/agent_loop.py
python examples/agent_loop.py --turns 60 --budget 3000
"""

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from optical_memory import ForgettingSchedule, OpticalMemory

Message = dict[str, Any]
SYSTEM = "You keep the books of a hardware shop. Use `lookup` for what is in stock and `calculate` for products."
ITEMS = ("hinge", "bracket", "washer", "padlock", "chisel", "lantern", "funnel", "trowel", "pulley", "clamp", "hook")


def lookup(key: str) -> str:
    """The record of an item; its numbers follow from its name, so every run sees the same shop."""
    seed = sum(ord(letter) * place for place, letter in enumerate(key, 1))
    months = [f"month {month}: {seed * month % 47} sold, {seed * month % 13} came back" for month in range(1, 7)]
    return json.dumps({"item": key, "shelf": f"shelf-{seed % 90 + 10}", "stock": seed % 240, "months": months})


def calculate(left: int, right: int) -> str:
    return json.dumps({"product": left * right})


TOOLS: dict[str, Callable[..., str]] = {"lookup": lookup, "calculate": calculate}


def errands() -> Iterator[str]:
    """What the user asks for, without end."""
    for number in count():
        item = f"{ITEMS[number % len(ITEMS)]}-{number:03}"
        yield f"How many of {item} do we have, and on which shelf do they lie?"
        yield f"What would {number + 12} pieces of {item} cost at {number * 37 % 1900 + 5} cents each?"


def stand_in(messages: list[Message]) -> Message:
    """Answers as a model would: a tool call for an errand, a sentence for a tool's result."""
    newest = messages[-1]
    if newest["role"] == "tool":
        facts = ", ".join(f"{key} {value}" for key, value in json.loads(newest["content"]).items() if key != "months")
        return {"role": "assistant", "content": f"Here is what I found: {facts}. Shall I note that in the books?"}
    words = newest["content"].split()
    name, item = ("lookup", words[3]) if words[0] == "How" else ("calculate", words[5])
    arguments = {"key": item} if name == "lookup" else {"left": int(words[2]), "right": int(words[-3])}
    function = {"name": name, "arguments": json.dumps(arguments)}
    calls = [{"id": f"{name}-{item}", "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=300, metavar="N", help="calls of the model (300)")
    parser.add_argument("--budget", type=int, default=4000, metavar="N", help="tokens of the whole context (4,000)")
    options = parser.parse_args()
    turns, todo, seconds = options.turns, errands(), 0.0
    memory = OpticalMemory(schedule=ForgettingSchedule(budget=options.budget))
    history: list[Message] = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": next(todo)}]
    print(" turn   as text       now   ratio   seconds in compress")
    for turn in range(1, turns + 1):
        report = (context := memory.compress(history)).report
        seconds += report.seconds
        if turn % 50 == 0 or turn == turns:
            before, after = report.tokens_before, report.tokens_after
            print(f"{turn:>5} {before:>9,} {after:>9,} {report.ratio:>6.1f}x {seconds:>10.1f}", flush=True)
        answer = stand_in(context.messages("openai"))
        history.append(answer)
        for call in answer.get("tool_calls", ()):
            result = TOOLS[call["function"]["name"]](**json.loads(call["function"]["arguments"]))
            history.append({"role": "tool", "tool_call_id": call["id"], "content": result})
        if "tool_calls" not in answer:
            history.append({"role": "user", "content": next(todo)})


if __name__ == "__main__":
    main()
