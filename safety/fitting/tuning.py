"""Tune the base sentence model to tell the kinds of danger apart, and from everything else.

Rule: the same lines, seed and machine give the same weights. Every epoch makes its own copies of
the lines, noisy or joined to an everyday line, so that no form of a line is learnt by heart.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import nn

from safety.fitting.corpus import Line, Source
from safety.fitting.noise import mixed, noisy
from safety.fitting.wordpieces import Pieces

Say = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    epochs: int
    rate: float  # of learning, at its highest
    head_rate: float
    warm_up: float = 0.06  # share of the steps
    lines_at_once: int = 32
    familiar: float = 1.0  # share of the lines of the first step that an epoch sees
    everyday: float = 0.6  # the same of everyday questions
    mixed: float = 0.3
    noisy: float = 0.35
    seed: int = 1


FIRST = Recipe(epochs=6, rate=1e-4, head_rate=1e-3)
# Goes on from the first; what that has learnt is shown again, so that it is not forgotten.
ALL = Recipe(epochs=1, rate=7e-5, head_rate=3e-4, familiar=0.3, everyday=0.3, seed=2)
LONGEST = 80  # pieces of words


class Net(nn.Module):
    """The base model, the mean of its last layer, and one number for each kind and for none."""

    def __init__(self, base: Path, pieces: Pieces, outputs: int) -> None:
        super().__init__()
        os.environ["HF_HUB_OFFLINE"] = "1"
        from transformers import AutoModel

        self.core = AutoModel.from_pretrained(base, attn_implementation="eager")
        self.core.pooler = None
        old = self.core.embeddings.word_embeddings.weight.data
        rows = torch.stack([old[places].mean(0) for places in pieces.rows])
        self.core.embeddings.word_embeddings = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
            rows, freeze=False, padding_idx=0
        )
        self._keep_places()
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(old.shape[1], outputs)

    def _keep_places(self) -> None:
        """Drop what the base knows of places in a text that none of ours reaches."""
        inner = self.core.embeddings
        inner.position_embeddings = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
            inner.position_embeddings.weight.data[:LONGEST].clone(), freeze=False
        )
        inner.register_buffer("position_ids", torch.arange(LONGEST)[None], persistent=False)
        inner.register_buffer(
            "token_type_ids", torch.zeros((1, LONGEST), dtype=torch.long), persistent=False
        )

    def forward(self, input_ids: Any, mask: Any) -> Any:
        last = self.core(input_ids=input_ids, attention_mask=mask).last_hidden_state.float()
        weight = mask[..., None].float()
        mean = (last * weight).sum(1) / weight.sum(1)
        with torch.autocast("cpu", enabled=False):
            return torch.log_softmax(self.head(self.drop(mean)), dim=1)


@dataclass(frozen=True)
class Task:
    """`meant`: for each line the places in the output that are right; several when only a card
    is known."""

    lines: Sequence[Line]
    meant: list[list[int]]
    written: Callable[[str], str]  # text as typed → as the model reads it


def tune(net: Net, pieces: Pieces, task: Task, recipe: Recipe, say: Say) -> None:
    tokenizer = Tokenizer.from_str(pieces.tokenizer)
    tokenizer.enable_truncation(LONGEST)
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    chance = random.Random(recipe.seed)
    epochs = [list(_copies(task, recipe, chance)) for _ in range(recipe.epochs)]
    steps = sum(math.ceil(len(epoch) / recipe.lines_at_once) for epoch in epochs)
    optimiser, schedule = _optimiser(net, recipe, steps)
    began = time.perf_counter()
    net.train()
    for number, epoch in enumerate(epochs, start=1):
        losses = []
        for lines in _batches(epoch, tokenizer, recipe, chance):
            optimiser.zero_grad()
            loss = _loss(net, lines)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            losses.append(loss.item())
            if len(losses) % 25 == 0:
                say(f"  step {len(losses)}, {time.perf_counter() - began:.0f} s")
        mean, seconds = sum(losses) / len(losses), time.perf_counter() - began
        say(f"epoch {number} of {recipe.epochs}: loss {mean:.3f}, {seconds:.0f} s")
    net.eval()


Row = tuple[list[int], list[int]]  # the ids of a text, and the outputs that are right


def _copies(task: Task, recipe: Recipe, chance: random.Random) -> Iterator[tuple[str, list[int]]]:
    everyday = {
        lang: [line.text for line in task.lines
               if line.lang == lang and line.source is Source.EVERYDAY]
        for lang in ("en", "es")
    }  # fmt: skip
    near = {
        lang: [line.text for line in task.lines if line.lang == lang and not line.is_danger]
        for lang in ("en", "es")
    }
    for line, meant in zip(task.lines, task.meant, strict=True):
        text = line.text
        if line.source is Source.EVERYDAY:
            if chance.random() < recipe.everyday:
                # Two of them together: a long message is not a danger for being long.
                text = text if chance.random() < 0.8 else mixed(text, everyday[line.lang], chance)
                yield task.written(text if chance.random() < 0.8 else noisy(text, chance)), meant
            continue
        if not line.is_held_out and chance.random() >= recipe.familiar:
            continue
        if chance.random() < recipe.mixed:
            others = everyday if chance.random() < 0.7 else near
            text = mixed(text, others[line.lang], chance)
        if chance.random() < recipe.noisy:
            text = noisy(text, chance)
        yield task.written(text), meant


def _batches(
    epoch: list[tuple[str, list[int]]], tokenizer: Tokenizer, recipe: Recipe, chance: random.Random
) -> Iterator[list[Row]]:
    """Yield batches of lines about as long as each other, so that little padding is computed."""
    chance.shuffle(epoch)
    rows = [(tokenizer.encode(text).ids, meant) for text, meant in epoch]
    size, found = recipe.lines_at_once, list[list[Row]]()
    for start in range(0, len(rows), size * 40):
        alike = sorted(rows[start : start + size * 40], key=lambda row: len(row[0]))
        found.extend(alike[at : at + size] for at in range(0, len(alike), size))
    chance.shuffle(found)
    yield from found


def _loss(net: Net, lines: Sequence[Row]) -> Any:
    longest = max(len(ids) for ids, _ in lines)
    input_ids = torch.zeros(len(lines), longest, dtype=torch.long)
    for number, (ids, _) in enumerate(lines):
        input_ids[number, : len(ids)] = torch.tensor(ids)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = net(input_ids, (input_ids != 0).long())
    wrong = torch.full_like(found, -1e9)
    for number, (_, meant) in enumerate(lines):
        wrong[number, meant] = 0
    return -torch.logsumexp(found + wrong, 1).mean()


def _optimiser(net: Net, recipe: Recipe, steps: int) -> tuple[Any, Any]:
    head = list(net.head.parameters())
    flat = [each for each in net.core.parameters() if each.ndim < 2]
    deep = [each for each in net.core.parameters() if each.ndim >= 2]
    optimiser = torch.optim.AdamW(
        [
            {"params": deep, "weight_decay": 0.01},
            {"params": flat, "weight_decay": 0.0},
            {"params": head, "lr": recipe.head_rate},
        ],
        lr=recipe.rate,
    )
    warm = max(1, int(recipe.warm_up * steps))

    def share(step: int) -> float:
        return min(1.0, (step + 1) / warm) * max(0.02, 1 - step / steps)

    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, share)
