"""Teach the verifier which sentences answer a question and which are only about the same thing.

    python training/verify.py [--out FILE] [--epochs N] [--seed N]

For each question the sentences that answer it stand against the nearest others (softmax and binary
cross-entropy); for each question of unanswerable.jsonl, which asks its passages for something that
they do not say, all sentences of its group count as wrong. Topics in ``pairs.HELD_BACK`` are never
trained on; AUROC and hit@1 over them are printed after every epoch. The encoder stays as it is.
"""

import argparse
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from sklearn.metrics import roc_auc_score
from torch import Tensor, nn
from torch.nn import functional

from dxqa.encoders import load_encoder
from dxqa.types import TokenEncoder, TokenStates
from pairs import HELD_BACK, read_groups, read_unanswerable

OUT = Path(__file__).parents[1] / "src/dxqa/data/verifier.safetensors"
SENTENCES = 12  # beside one question in training
NEAREST = 20  # that wrong sentences are drawn from
ASKED, UNANSWERED = 16, 6  # questions in a batch: with an answer, without
WIDTH, HIDDEN = 128, 64
COSINE_MIDDLE = 0.85
STATES = 384
_PART = 256  # texts encoded at once


@dataclass(frozen=True)
class Item:
    """A question; ``right`` are rows of sentences, none where the group does not answer."""

    tokens: Tensor
    kind: str
    group: int
    right: frozenset[int]
    held_back: bool


@dataclass(frozen=True)
class Bank:
    """All sentences: token states, mean vectors, and rows by group."""

    tokens: list[Tensor]
    vectors: Tensor
    by_group: dict[int, list[int]]
    held_back: Tensor


class Net(nn.Module):
    """What ``dxqa.answering.verifier.logit`` computes, for batches."""

    def __init__(self, mean: Tensor) -> None:
        super().__init__()
        self.mean = nn.Parameter(mean, requires_grad=False)
        self.norm = nn.LayerNorm(STATES)
        self.asked = nn.Linear(STATES, WIDTH, bias=False)
        self.told = nn.Linear(STATES, WIDTH, bias=False)
        self.told.weight = nn.Parameter(self.asked.weight.detach().clone())
        self.temperature = nn.Parameter(torch.tensor(10.0))
        self.compare = nn.Linear(4 * WIDTH + 1, WIDTH)
        self.weigh = nn.Sequential(nn.Linear(STATES, HIDDEN), nn.GELU("tanh"), nn.Linear(HIDDEN, 1))
        self.decide = nn.Sequential(
            nn.Linear(2 * WIDTH + 2, HIDDEN), nn.GELU("tanh"), nn.Linear(HIDDEN, 1)
        )
        self.direct = nn.Parameter(torch.tensor([10.0, 20.0]))
        self.drop = nn.Dropout(0.1)

    def forward(self, asked: Tensor, told: Tensor) -> Tensor:
        """Return logits ``(questions, sentences)``.

        Args:
            asked: ``(questions, tokens, dim)``, NaN where there is no token.
            told: ``(questions, sentences, tokens, dim)``, likewise.
        """
        is_asked, is_told = ~asked[..., 0].isnan(), ~told[..., 0].isnan()
        cosine = functional.cosine_similarity(
            asked.nanmean(dim=-2)[:, None], told.nanmean(dim=-2), dim=-1
        )
        x = self.norm(asked.nan_to_num() - self.mean)
        y = self.norm(told.nan_to_num() - self.mean)
        a, b = self.drop(self.asked(x)), self.drop(self.told(y))
        similar = functional.normalize(a, dim=-1)[:, None] @ functional.normalize(
            b, dim=-1
        ).transpose(-1, -2)
        similar = similar.masked_fill(~is_told[:, :, None], -2)
        best = similar.amax(dim=-1)
        attention = (self.temperature * similar).masked_fill(~is_told[:, :, None], -1e4)
        counterpart = attention.softmax(dim=-1) @ b
        a = a[:, None].expand_as(counterpart)
        beside = [a, counterpart, a * counterpart, (a - counterpart).abs(), best[..., None]]
        pairs = functional.gelu(self.compare(torch.cat(beside, dim=-1)), approximate="tanh")
        share = functional.softplus(self.weigh(x)).squeeze(-1) * is_asked
        share = (share / share.sum(dim=-1, keepdim=True))[:, None]
        covered = (share * best).sum(dim=-1)
        absent = ~is_asked[:, None]
        seen = [
            (share[..., None] * pairs).sum(dim=-2),
            pairs.masked_fill(absent[..., None], -1e4).amax(dim=-2),
            covered[..., None],
            best.masked_fill(absent, 2).amin(dim=-1, keepdim=True),
        ]
        decided = self.decide(self.drop(torch.cat(seen, dim=-1))).squeeze(-1)
        found: Tensor = (
            decided + self.direct[0] * covered + self.direct[1] * (cosine - COSINE_MIDDLE)
        )
        return found


def read_data(encoder: TokenEncoder) -> tuple[Bank, list[Item]]:
    """Read all groups and encode their sentences and questions."""
    groups = list(read_groups())
    numbers = {(g.topic, g.theme): n for n, g in enumerate(groups)}
    rows: dict[tuple[int, str, int], int] = {}
    texts: list[str] = []
    for n, group in enumerate(groups):
        for name, passage in group.passages.items():
            for i in range(len(passage.sentences)):
                rows[n, name, i] = len(texts)
                texts.append(passage.sentence(i))
    tokens = _in_parts(texts, encoder.passage_tokens)
    by_group: dict[int, list[int]] = {}
    for (n, _, _), row in rows.items():
        by_group.setdefault(n, []).append(row)
    held_back = torch.tensor([groups[n].topic in HELD_BACK for n, _, _ in rows])
    bank = Bank(tokens, torch.stack([_vector(t) for t in tokens]), by_group, held_back)
    asked = [
        (q.text, q.type, n, frozenset(rows[n, *answer] for answer in q.answers))
        for n, group in enumerate(groups)
        for q in group.questions
    ]
    asked += [
        (near.text, near.kind, numbers[near.topic, near.theme], frozenset())
        for near in read_unanswerable()
    ]
    states = _in_parts([text for text, *_ in asked], encoder.query_tokens)
    items = [
        Item(tokens, kind, n, right, groups[n].topic in HELD_BACK)
        for tokens, (_, kind, n, right) in zip(states, asked, strict=True)
    ]
    return bank, items


def _in_parts(
    texts: Sequence[str], encode: Callable[[Sequence[str]], list[TokenStates]]
) -> list[Tensor]:
    parts = [texts[at : at + _PART] for at in range(0, len(texts), _PART)]
    return [torch.tensor(states).half() for part in parts for states in encode(part)]


def _vector(tokens: Tensor) -> Tensor:
    return functional.normalize(tokens.float().mean(dim=0), dim=0)


def nearest(item: Item, bank: Bank, most: int) -> list[int]:
    """Return the rows nearest by vector, among the topics held back or among the others."""
    scores = bank.vectors @ _vector(item.tokens)
    scores[bank.held_back != item.held_back] = -2
    return scores.topk(most).indices.tolist()


def beside(item: Item, near: Sequence[int], bank: Bank) -> list[int]:
    """Draw sentences for one question: a right one first, then near ones and some of its group."""
    group = [row for row in bank.by_group[item.group] if row not in item.right]
    random.shuffle(group)
    if not item.right:
        members = set(group)
        ranked = [row for row in near if row in members]
        rows = list(dict.fromkeys([*ranked[: SENTENCES // 2], *group]))
        return (rows * SENTENCES)[:SENTENCES]
    wrong = [row for row in near if row not in item.right]
    hard = random.sample(wrong[:14], min(len(wrong), SENTENCES * 2 // 3))
    rows = list(dict.fromkeys([*hard, *group, *wrong]))
    one = random.sample(sorted(item.right), 1)
    return [*one, *rows[: SENTENCES - 1]]


def logits(net: Net, items: Sequence[Item], rows: Sequence[Sequence[int]], bank: Bank) -> Tensor:
    """Return ``(items, sentences)``."""
    asked = _padded([item.tokens for item in items])
    told = _padded([bank.tokens[row] for part in rows for row in part])
    found: Tensor = net(asked, told.reshape(len(items), -1, *told.shape[1:]))
    return found


def _padded(texts: Sequence[Tensor]) -> Tensor:
    return nn.utils.rnn.pad_sequence(
        [text.float() for text in texts], batch_first=True, padding_value=float("nan")
    )


def loss_of(found: Tensor, unanswered: Tensor) -> Tensor:
    """Right ones stand first in ``found``; in ``unanswered`` nothing is right, the first least."""
    right = torch.zeros(len(found), dtype=torch.long)
    target = functional.one_hot(right, found.shape[1]).float()
    heavier = torch.tensor((found.shape[1] - 1) / 2)
    weight = torch.ones(unanswered.shape[1])
    weight[:2] = torch.tensor([4.0, 2.0])
    return (
        functional.cross_entropy(found, right)
        + functional.binary_cross_entropy_with_logits(found, target, pos_weight=heavier)
        + (functional.softplus(unanswered) * weight).mean()
    )


def train(net: Net, bank: Bank, items: Sequence[Item], epochs: int) -> None:
    """Train in place, and print how it does on the topics held back."""
    near = [nearest(item, bank, NEAREST if item.right else 200) for item in items]
    with_answer = [n for n, i in enumerate(items) if i.right and not i.held_back]
    without = [n for n, i in enumerate(items) if not i.right and not i.held_back]
    steps = epochs * (len(with_answer) // ASKED)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, steps + 1, pct_start=0.05)
    for epoch in range(1, epochs + 1):
        net.train()
        order = random.sample(with_answer, len(with_answer))
        total = 0.0
        for at in range(0, len(order) - ASKED + 1, ASKED):
            chosen = [order[at : at + ASKED], random.sample(without, UNANSWERED)]
            found = [
                logits(
                    net,
                    [items[n] for n in part],
                    [beside(items[n], near[n], bank) for n in part],
                    bank,
                )
                for part in chosen
            ]
            loss = loss_of(*found)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) / (len(order) // ASKED)
        print(f"epoch {epoch}: loss {total:.3f}  {quality(net, bank, items)}", flush=True)


@torch.no_grad()
def quality(net: Net, bank: Bank, items: Sequence[Item]) -> str:
    """Say, for the topics held back, how well answered questions stand above each kind of miss."""
    net.eval()
    best: dict[str, list[float]] = {}
    hits: list[bool] = []
    held = [item for item in items if item.held_back]
    for item in held:
        rows = bank.by_group[item.group]
        found = logits(net, [item], [rows], bank)[0]
        best.setdefault(item.kind if not item.right else "", []).append(float(found.max()))
        hits += [rows[int(found.argmax())] in item.right] if item.right else []
    answered = best.pop("")
    parts = [f"hit@1 in the group {np.mean(hits):.3f}"]
    for kind, values in best.items():
        truth = [1] * len(answered) + [0] * len(values)
        parts.append(f"AUROC {kind} {roc_auc_score(truth, answered + values):.3f}")
    return ", ".join(parts)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random.seed(options.seed)
    torch.manual_seed(options.seed)
    encoder = load_encoder()
    bank, items = read_data(encoder)  # type: ignore[arg-type] # the bundled one is a TokenEncoder
    print(f"{len(items)} questions, {sum(not i.right for i in items)} of them without an answer")
    net = Net(torch.cat([t.float().mean(dim=0, keepdim=True) for t in bank.tokens]).mean(dim=0))
    train(net, bank, items, options.epochs)
    weights = {name: value.detach().half().contiguous() for name, value in net.state_dict().items()}
    about = {"encoder": encoder.fingerprint, "seed": str(options.seed)}
    options.out.write_bytes(save(weights, about))
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
